// Whom the call goes to next: a search of the directory as one types, or a whole address. One touch chooses.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { PersonArrowRightRegular } from '@fluentui/react-icons/svg/person-arrow-right';
import { useState } from 'react';
import { parseAddress } from '../../kernel/address.ts';
import type { PersonView, RoomState } from '../../room/state.ts';
import { colours, panelSizes } from '../shared/theme.ts';
import { useTexts } from '../shared/use-texts.ts';
import { Keyboard } from './keyboard.tsx';
import { ListRow } from './parts/list-row.tsx';
import { TypingField } from './people/typing-field.tsx';
import { useDirectory } from './people/use-directory.ts';
import { CommandError } from './screen.tsx';

const useStyles = makeStyles({
  picker: { flexGrow: 1, minHeight: 0, display: 'grid', gridTemplateColumns: 'minmax(0, 1fr) minmax(712px, 62%)', gap: '1rem' },
  found: { display: 'flex', flexDirection: 'column', gap: panelSizes.gap, minHeight: 0, minWidth: 0 },
  line: { display: 'flex', flexShrink: 0 },
  people: {
    flexGrow: 1,
    minHeight: 0,
    display: 'flex',
    flexDirection: 'column',
    gap: panelSizes.gap,
    padding: '4px',
    overflowY: 'auto',
    overscrollBehavior: 'contain',
    scrollbarColor: `${colours.quiet} transparent`
  },
  note: { margin: 0, color: colours.quiet },
  presence: { display: 'inline-flex', alignItems: 'center', gap: '0.5em' },
  dot: { width: '0.7em', height: '0.7em', flexShrink: 0, borderRadius: '50%', border: `2px solid ${colours.quiet}` },
  online: { backgroundColor: colours.good, border: `2px solid ${colours.good}` },
  keys: { display: 'flex', flexDirection: 'column', minHeight: 0, minWidth: 0 }
});

type PersonPickerProps = {
  readonly room: RoomState['room'];
  /** Shown before anything is typed. */
  readonly favourites: readonly PersonView[];
  /** Accounts that are in calls of this room already. */
  readonly without: readonly string[];
  readonly nameOf: (name: string) => string;
  readonly error: string | null;
  readonly busy: boolean;
  readonly onChoose: (account: string) => void;
};

export function PersonPicker({ room, favourites, without, nameOf, error, busy, onChoose }: PersonPickerProps) {
  const styles = useStyles();
  const t = useTexts();
  const [typed, setTyped] = useState('');
  const query = typed.trim();
  const directory = useDirectory(query === '' ? null : query);

  const others = (people: readonly PersonView[]): readonly PersonView[] => people.filter(({ account }) => !without.includes(account));
  const people = others(query === '' ? favourites : (directory.people ?? []));
  const address = parseAddress(query);
  const whole = address.ok && !people.some(({ account }) => account === address.value.account) ? address.value.account : null;
  const searched = query !== '' && directory.people !== null;
  const told = error ?? directory.error;
  return (
    <div className={styles.picker}>
      <div className={styles.found}>
        <div className={styles.line}>
          <TypingField testId="input-person" label={t('features.search')} placeholder={t('features.search')} value={typed} autoFocus onChange={setTyped} />
        </div>
        {told === null ? null : <CommandError error={told} />}
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls has to be reached without a finger (WCAG 2.1.1). */}
        <section className={styles.people} aria-label={t('features.search')} aria-live="polite" tabIndex={0} data-testid="people-found">
          {whole === null ? null : (
            <ListRow
              testId="person-typed"
              title={nameOf(whole)}
              icon={<PersonArrowRightRegular />}
              disabled={busy || without.includes(whole)}
              onTouch={() => onChoose(whole)}
            />
          )}
          {people.map(({ account, displayName, presence }) => (
            <ListRow
              key={account}
              testId={`person-${account}`}
              title={displayName}
              detail={
                <span className={styles.presence}>
                  <span className={mergeClasses(styles.dot, presence === 'online' && styles.online)} aria-hidden="true" />
                  {t(`features.presence.${presence}`)}
                </span>
              }
              disabled={busy}
              onTouch={() => onChoose(account)}
            />
          ))}
          {people.length === 0 && whole === null ? <p className={styles.note}>{t(searched ? 'features.search.none' : 'features.search.begin')}</p> : null}
        </section>
      </div>
      <div className={styles.keys}>
        <Keyboard organisation={room.organisation} value={typed} onChange={setTyped} />
      </div>
    </div>
  );
}
