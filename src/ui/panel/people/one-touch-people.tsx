// Favourites, and after them who was called last: one touch calls them. All favourites are here; recent calls fill what is left of the first places.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { useState } from 'react';
import type { PeopleView, RecentCall } from '../../../room/state.ts';
import type { useCommand } from '../../shared/room-context.tsx';
import { colours } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { Avatar } from './avatar.tsx';
import { PersonButton } from './person-button.tsx';
import { latestOfEach, recentKindOf, whenText } from './recent-words.ts';
import { RecentMark } from './recents-part.tsx';

/** They fit the smallest panel without scrolling. */
const FIRST_PLACES = 6;

const useStyles = makeStyles({
  people: {
    // As high as the button beside it, however many they are.
    height: 0,
    minHeight: 'calc(100% + 8px)',
    display: 'grid',
    gridTemplateColumns: 'minmax(0, 1fr) minmax(0, 1fr)',
    gridAutoRows: 'minmax(min-content, 9rem)',
    gap: 'max(8px, 0.75rem)',
    // Room for the focus outline.
    padding: '4px',
    margin: '-4px',
    overflowX: 'hidden',
    overflowY: 'auto',
    overscrollBehavior: 'contain',
    touchAction: 'pan-y',
    scrollbarColor: `${colours.quiet} transparent`
  },
  // All first places are taken: they fill the height.
  full: { gridAutoRows: 'minmax(min-content, 1fr)' }
});

type OneTouchPeopleProps = { readonly people: PeopleView; readonly now: number; readonly command: ReturnType<typeof useCommand> };

export function OneTouchPeople({ people: { favourites, recents }, now, command }: OneTouchPeopleProps) {
  const styles = useStyles();
  const t = useTexts();
  const [called, setCalled] = useState<string | null>(null);
  const others = latestOfEach(recents, new Set(favourites.map(({ account }) => account))).slice(0, Math.max(0, FIRST_PLACES - favourites.length));

  async function place(account: string): Promise<void> {
    setCalled(account);
    if (!(await command.placeCall(account))) setCalled(null);
  }
  const touch = (account: string) => ({
    disabled: command.pending !== null,
    calling: called === account && command.pending !== null,
    onTouch: () => void place(account)
  });

  const classes = mergeClasses(styles.people, favourites.length + others.length > 4 && styles.full);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls has to be reached without a finger (WCAG 2.1.1).
    <section className={classes} aria-label={t('home.people')} tabIndex={0} data-testid="home-people">
      {favourites.map(({ account, displayName, presence }) => (
        <PersonButton
          key={account}
          testId={`favourite-${account}`}
          name={displayName}
          detail={t(`people.presence.${presence}`)}
          short
          avatar={<Avatar name={displayName} presence={presence} />}
          {...touch(account)}
        />
      ))}
      {others.map((call: RecentCall) => (
        <PersonButton
          key={call.account}
          testId={`recent-${call.id}`}
          name={call.displayName}
          detail={recentKindOf(call) === 'missed' ? t('people.recent.missed') : whenText(call.at, now, t)}
          short
          {...(recentKindOf(call) === 'missed' ? { stands: 'out' as const } : {})}
          avatar={<Avatar name={call.displayName} mark={<RecentMark call={call} />} />}
          {...touch(call.account)}
        />
      ))}
    </section>
  );
}
