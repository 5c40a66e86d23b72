// Somebody as one target: a touch calls them. Used on the first screen and in the lists of whom to call.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import type { ReactElement, ReactNode } from 'react';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';

const useStyles = makeStyles({
  person: {
    display: 'flex',
    alignItems: 'center',
    gap: '1rem',
    flexGrow: 1,
    minWidth: 0,
    minHeight: 'max(72px, 4.75rem)',
    padding: '0.5rem 1rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '1rem',
    backgroundColor: colours.card,
    color: colours.text,
    fontFamily: 'inherit',
    fontSize: panelSizes.text,
    lineHeight: 1.25,
    textAlign: 'start',
    cursor: 'pointer',
    transitionDuration: '80ms',
    ':active': { backgroundColor: colours.raised },
    ':focus-visible': { outline: `3px solid ${colours.brandText}`, outlineOffset: '-3px' },
    ':disabled': { color: colours.quiet, cursor: 'default' }
  },
  words: { flexGrow: 1, minWidth: 0 },
  name: {
    display: '-webkit-box',
    WebkitLineClamp: 2,
    WebkitBoxOrient: 'vertical',
    overflow: 'hidden',
    overflowWrap: 'anywhere',
    fontWeight: 600
  },
  detail: { display: 'block', color: colours.quiet, overflowWrap: 'anywhere' },
  short: { overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' },
  missed: { color: colours.bad },
  verb: { position: 'absolute', width: '1px', height: '1px', overflow: 'hidden', clipPath: 'inset(50%)', whiteSpace: 'nowrap' }
});

type PersonButtonProps = {
  readonly testId: string;
  readonly name: string;
  readonly detail: ReactNode;
  /** The detail keeps to one line. */
  readonly short?: boolean;
  /** The detail is what somebody has to see. */
  readonly stands?: 'out';
  readonly avatar: ReactElement | null;
  readonly disabled: boolean;
  /** The call to them is being placed. */
  readonly calling: boolean;
  readonly onTouch: () => void;
};

export function PersonButton({ testId, name, detail, short, stands, avatar, disabled, calling, onTouch }: PersonButtonProps) {
  const styles = useStyles();
  const t = useTexts();
  return (
    <button type="button" data-testid={testId} className={styles.person} disabled={disabled} onClick={onTouch}>
      {avatar}
      <span className={styles.words}>
        <span className={styles.verb}>{t('people.callThem')}: </span>
        <span className={styles.name}>
          <bdi>{name}</bdi>
        </span>
        <span className={mergeClasses(styles.detail, short && styles.short, stands === 'out' && styles.missed)}>{calling ? t('people.calling') : detail}</span>
      </span>
    </button>
  );
}
