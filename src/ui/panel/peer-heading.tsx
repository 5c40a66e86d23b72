// Who the call is with: initials, name, address. Used by the screens on which the peer is the main thing.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
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
  // Where there is more to say than who it is.
  beside: { flexDirection: 'row', justifyContent: 'center', columnGap: '1.25rem', textAlign: 'start' },
  small: { width: 'max(56px, 4rem)', height: 'max(56px, 4rem)', marginBottom: 0, fontSize: 'max(22px, 1.5rem)' },
  words: { display: 'contents' },
  wordsBeside: { display: 'flex', flexDirection: 'column', minWidth: 0 },
  smallName: { fontSize: panelSizes.title },
  address: { color: colours.quiet, fontSize: panelSizes.large, overflowWrap: 'anywhere' }
});

type PeerHeadingProps = {
  readonly peer: CallView['peer'];
  /** In one line, for a screen that has more to say. */
  readonly compact?: boolean;
};

export function PeerHeading({ peer, compact }: PeerHeadingProps) {
  const styles = useStyles();
  return (
    <div className={mergeClasses(styles.peer, compact && styles.beside)}>
      <div className={mergeClasses(styles.initials, compact && styles.small)} aria-hidden="true">
        {initialsOf(peer.displayName)}
      </div>
      <div className={compact ? styles.wordsBeside : styles.words}>
        <h1 className={mergeClasses(styles.name, compact && styles.smallName)} data-testid="peer-name">
          {peer.displayName}
        </h1>
        {peer.displayName === peer.account ? null : (
          <div className={styles.address} dir="ltr">
            {peer.account}
          </div>
        )}
      </div>
    </div>
  );
}
