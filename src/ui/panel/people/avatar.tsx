// Somebody's initials, and whether they are there: a mark whose form says it too, since colour alone says nothing to everybody.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import type { ReactElement } from 'react';
import type { Presence } from '../../../room/state.ts';
import { initialsOf } from '../../shared/initials.ts';
import { colours } from '../../shared/theme.ts';

const useStyles = makeStyles({
  avatar: { position: 'relative', flexShrink: 0, width: 'max(44px, 3.25rem)', height: 'max(44px, 3.25rem)' },
  circle: {
    display: 'grid',
    placeItems: 'center',
    width: '100%',
    height: '100%',
    borderRadius: '50%',
    border: `2px solid ${colours.edge}`,
    backgroundColor: colours.avatar,
    color: colours.onAvatar,
    fontSize: 'max(18px, 1.25rem)',
    fontWeight: 600,
    lineHeight: 1
  },
  mark: {
    position: 'absolute',
    bottom: '-2px',
    insetInlineEnd: '-4px',
    display: 'grid',
    placeItems: 'center',
    width: 'max(20px, 1.4rem)',
    height: 'max(20px, 1.4rem)',
    borderRadius: '50%',
    backgroundColor: colours.card
  },
  dot: { width: '70%', height: '70%', borderRadius: '50%', border: `2px solid ${colours.quiet}` },
  online: { backgroundColor: colours.good, border: `2px solid ${colours.good}` },
  unknown: { border: `2px dotted ${colours.quiet}` },
  icon: { color: colours.quiet, fontSize: 'max(16px, 1.1rem)', lineHeight: 0 }
});

type AvatarProps = {
  readonly name: string;
  readonly presence?: Presence;
  /** In the place of the presence. */
  readonly mark?: ReactElement;
};

export function Avatar({ name, presence, mark }: AvatarProps) {
  const styles = useStyles();
  return (
    <span className={styles.avatar} aria-hidden="true">
      <span className={styles.circle}>{initialsOf(name)}</span>
      {presence === undefined && mark === undefined ? null : (
        <span className={styles.mark}>
          {mark === undefined ? (
            <span className={mergeClasses(styles.dot, presence === 'online' && styles.online, presence === 'unknown' && styles.unknown)} />
          ) : (
            <span className={styles.icon}>{mark}</span>
          )}
        </span>
      )}
    </span>
  );
}
