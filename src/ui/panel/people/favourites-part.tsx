// The favourites, with the star that takes somebody off the list.
import { StarRegular } from '@fluentui/react-icons/svg/star';
import { useState } from 'react';
import type { RoomState } from '../../../room/state.ts';
import { useCommand } from '../../shared/room-context.tsx';
import { useTexts } from '../../shared/use-texts.ts';
import { CommandError } from '../screen.tsx';
import { Avatar } from './avatar.tsx';
import { FavouriteStar } from './favourite-star.tsx';
import { NothingHere, PeopleList, PersonRow } from './people-list.tsx';
import { PersonButton } from './person-button.tsx';

export function FavouritesPart({ state, onBack }: { readonly state: RoomState; readonly onBack: () => void }) {
  const t = useTexts();
  const command = useCommand();
  const [called, setCalled] = useState<string | null>(null);
  const { favourites } = state.people;

  async function place(account: string): Promise<void> {
    setCalled(account);
    if (await command.placeCall(account)) onBack();
    else setCalled(null);
  }

  if (favourites.length === 0) return <NothingHere icon={<StarRegular />} title={t('people.noFavourites')} hint={t('people.noFavouritesHint')} />;
  return (
    <>
      <PeopleList testId="favourites" name={t('people.tab.favourites')} columns>
        {favourites.map((person) => (
          <PersonRow key={person.account}>
            <PersonButton
              testId={`favourite-${person.account}`}
              name={person.displayName}
              detail={t(`people.presence.${person.presence}`)}
              avatar={<Avatar name={person.displayName} presence={person.presence} />}
              disabled={command.pending !== null}
              calling={called === person.account}
              onTouch={() => void place(person.account)}
            />
            <FavouriteStar person={person} favourites={favourites} command={command} />
          </PersonRow>
        ))}
      </PeopleList>
      {command.error === null ? null : <CommandError error={command.error} />}
    </>
  );
}
