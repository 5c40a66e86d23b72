// Who the call is with: initials, name, address. Used by the screens on which the peer is the main thing.
import { makeStyles } from '@fluentui/react-components';
import type { CallView } from '../../room/state.ts';
import { initialsOf } from '../shared/initials.ts';
import { colours, panelSizes } from '../shared/theme.ts';

const useStyles = makeStyles({
  peer: { display: 'flex', flexDirection: 'column', alignItems: 'center', gap: '0.25rem', textAlign: 'center', maxWidth: '100%' },
  initials: {
    display: 'grid',
    placeItems: 'center',
    flexShrink: 0,
    width: 'max(84px, 7rem)',
    height: 'max(84px, 7rem)',
    marginBottom: '0.75rem',
    borderRadius: '50%',
    border: `2px solid ${colours.edge}`,
    backgroundColor: colours.avatar,
    color: colours.onAvatar,
    fontSize: 'max(32px, 2.75rem)',
    fontWeight: 600
  },
  name: { margin: 0, maxWidth: '100%', overflow: 'hidden', textOverflow: 'ellipsis', fontSize: 'max(32px, 2.5rem)', fontWeight: 600, lineHeight: 1.15 },
  address: { color: colours.quiet, fontSize: panelSizes.large, overflowWrap: 'anywhere' }
});

export function PeerHeading({ peer }: { readonly peer: CallView['peer'] }) {
  const styles = useStyles();
  return (
    <div className={styles.peer}>
      <div className={styles.initials} aria-hidden="true">
        {initialsOf(peer.displayName)}
      </div>
      <h1 className={styles.name} data-testid="peer-name">
        {peer.displayName}
      </h1>
      {peer.displayName === peer.account ? null : (
        <div className={styles.address} dir="ltr">
          {peer.account}
        </div>
      )}
    </div>
  );
}
