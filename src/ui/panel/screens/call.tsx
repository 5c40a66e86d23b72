// Call: somebody found by name, an address keyed in, a favourite, a recent call, or a call that is parked. One touch calls. What is kept here is the
// part that is open and what has been typed.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { CallParkRegular } from '@fluentui/react-icons/svg/call-park';
import { HistoryRegular } from '@fluentui/react-icons/svg/history';
import { PeopleRegular } from '@fluentui/react-icons/svg/people';
import { StarRegular } from '@fluentui/react-icons/svg/star';
import { type ReactElement, useState } from 'react';
import type { RoomState } from '../../../room/state.ts';
import { colours } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { FavouritesPart } from '../people/favourites-part.tsx';
import { ParkedPart } from '../people/parked-part.tsx';
import { PeoplePart } from '../people/people-part.tsx';
import { RecentsPart } from '../people/recents-part.tsx';
import { Screen } from '../screen.tsx';
import { TouchButton } from '../touch-button.tsx';

export type CallPart = 'people' | 'favourites' | 'recents' | 'parked';

const useStyles = makeStyles({
  screen: { padding: '1rem 2rem', gap: '0.75rem' },
  parts: { display: 'flex', justifyContent: 'flex-end', gap: 'max(8px, 0.5rem)' },
  part: { padding: '0.25rem 0.85rem', fontSize: 'max(18px, 1.125rem)', ':active': { transform: 'none' } },
  open: {
    backgroundColor: colours.inverse,
    color: colours.onInverse,
    ':active': { backgroundColor: colours.inversePressed }
  }
});

const PARTS: readonly { readonly part: CallPart; readonly icon: ReactElement }[] = [
  { part: 'people', icon: <PeopleRegular /> },
  { part: 'favourites', icon: <StarRegular /> },
  { part: 'recents', icon: <HistoryRegular /> },
  { part: 'parked', icon: <CallParkRegular /> }
];

type CallScreenProps = {
  readonly state: RoomState;
  /** What is open to begin with. */
  readonly part: CallPart;
  readonly onBack: () => void;
};

export function CallScreen({ state, part: partAtFirst, onBack }: CallScreenProps) {
  const styles = useStyles();
  const t = useTexts();
  const [part, setPart] = useState(partAtFirst);
  const parts = (
    <nav className={styles.parts} aria-label={t('people.title')}>
      {PARTS.map((each) => (
        <TouchButton
          key={each.part}
          testId={`part-${each.part}`}
          label={t(`people.tab.${each.part}`)}
          icon={each.icon}
          tone={each.part === part ? 'neutral' : 'quiet'}
          pressed={each.part === part}
          className={mergeClasses(styles.part, each.part === part && styles.open)}
          onTouch={() => setPart(each.part)}
        />
      ))}
    </nav>
  );
  return (
    <Screen testId="screen-dial" name={t('people.title')} header={{ title: t('people.title'), onBack, right: parts }} className={styles.screen}>
      {part === 'people' ? <PeoplePart state={state} onBack={onBack} /> : null}
      {part === 'favourites' ? <FavouritesPart state={state} onBack={onBack} /> : null}
      {part === 'recents' ? <RecentsPart state={state} onBack={onBack} /> : null}
      {part === 'parked' ? <ParkedPart room={state.room} onBack={onBack} /> : null}
    </Screen>
  );
}
