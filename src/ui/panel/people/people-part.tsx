// Whom the directory knows, and the keyboard for a name or a whole address beside it.
import { makeStyles } from '@fluentui/react-components';
import { CallFilled } from '@fluentui/react-icons/svg/call';
import { type FormEvent, useState } from 'react';
import { parseAddress } from '../../../kernel/address.ts';
import type { ErrorCode } from '../../../kernel/error-codes.ts';
import type { PersonView, RoomState } from '../../../room/state.ts';
import { useCommand } from '../../shared/room-context.tsx';
import { colours } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { Keyboard } from '../keyboard.tsx';
import { CommandError } from '../screen.tsx';
import { TouchButton } from '../touch-button.tsx';
import { Avatar } from './avatar.tsx';
import { FavouriteStar } from './favourite-star.tsx';
import { PeopleList, PersonRow } from './people-list.tsx';
import { PersonButton } from './person-button.tsx';
import { TypingField } from './typing-field.tsx';
import { useDirectory } from './use-directory.ts';

const useStyles = makeStyles({
  part: { flexGrow: 1, minHeight: 0, display: 'grid', gridTemplateColumns: 'minmax(0, 1fr) minmax(712px, 58%)', gap: '0.75rem' },
  // As high as the keyboard, however many they are.
  found: { display: 'flex', flexDirection: 'column', height: 0, minHeight: '100%', minWidth: 0 },
  note: { margin: 0, padding: '0.5rem 0.25rem', color: colours.quiet },
  keys: { display: 'flex', flexDirection: 'column', gap: '0.5rem', minHeight: 0, minWidth: 0 },
  form: { display: 'flex', gap: 'max(8px, 0.75rem)', alignItems: 'stretch' },
  call: { minHeight: 'max(64px, 4.25rem)', flexShrink: 0, whiteSpace: 'nowrap' },
  hint: { minHeight: '1.75em', display: 'flex', alignItems: 'center', color: colours.quiet },
  // The list is narrow on a small panel: the name needs the room.
  avatar: { display: 'contents', '@media (max-width: 1200px)': { display: 'none' } }
});

export function PeoplePart({ state, onBack }: { readonly state: RoomState; readonly onBack: () => void }) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const stars = useCommand();
  const [typed, setTyped] = useState('');
  const [fault, setFault] = useState<ErrorCode | null>(null);
  const [called, setCalled] = useState<string | null>(null);
  const query = typed.trim();
  const directory = useDirectory(query);
  const { favourites } = state.people;

  function type(value: string): void {
    setTyped(value);
    setFault(null);
    command.clearError();
  }

  async function place(account: string): Promise<void> {
    setFault(null);
    setCalled(account);
    if (await command.placeCall(account))
      onBack(); // the call's own screen is over this one by then
    else setCalled(null);
  }

  function submit(event: FormEvent): void {
    event.preventDefault();
    const address = parseAddress(typed);
    if (address.ok) void place(address.value.account);
    else setFault(address.error.code);
  }

  const error = fault === null ? command.error : t.error(fault);
  const busy = command.pending !== null;
  const others = (directory.people ?? []).filter(({ account }) => account !== state.room.account);
  const told = stars.error ?? directory.error;
  return (
    <div className={styles.part} data-keeps-height>
      <div className={styles.found}>
        {told === null ? null : <CommandError error={told} />}
        <PeopleList testId="people-found" name={t('people.found')}>
          {others.map((person) => (
            <PersonRow key={person.account}>
              <PersonButton
                testId={`person-${person.account}`}
                name={person.displayName}
                detail={t(`people.presence.${presenceOf(person, favourites)}`)}
                avatar={
                  <span className={styles.avatar}>
                    <Avatar name={person.displayName} presence={presenceOf(person, favourites)} />
                  </span>
                }
                disabled={busy}
                calling={called === person.account}
                onTouch={() => void place(person.account)}
              />
              <FavouriteStar person={person} favourites={favourites} command={stars} />
            </PersonRow>
          ))}
          <p className={styles.note} role="status">
            {note()}
          </p>
        </PeopleList>
      </div>
      <div className={styles.keys}>
        <form className={styles.form} onSubmit={submit} noValidate>
          <TypingField
            testId="input-address"
            label={t('people.search')}
            placeholder={t('people.search')}
            value={typed}
            invalid={error !== null}
            autoFocus
            onChange={type}
          />
          <TouchButton
            testId="button-place-call"
            label={t('dial.call')}
            icon={<CallFilled />}
            tone="answer"
            submit
            className={styles.call}
            disabled={query === '' || busy}
          />
        </form>
        <div className={styles.hint}>{error === null ? t('dial.hint') : <CommandError error={error} />}</div>
        <Keyboard organisation={state.room.organisation} value={typed} onChange={type} />
      </div>
    </div>
  );

  function note(): string | null {
    if (directory.people === null) return query === '' ? null : t('people.searching');
    if (others.length > 0 || directory.error !== null) return null;
    return t(query === '' ? 'people.nobody' : 'people.none');
  }
}

/** What the room says now of a favourite is newer than an answer. */
const presenceOf = (person: PersonView, favourites: readonly PersonView[]): PersonView['presence'] =>
  favourites.find(({ account }) => account === person.account)?.presence ?? person.presence;
