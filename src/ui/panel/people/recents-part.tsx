// The calls of this room, the latest first: a touch calls them again. Who opens the list has seen what was missed.
import { makeStyles } from '@fluentui/react-components';
import { ArrowDownLeftFilled } from '@fluentui/react-icons/svg/arrow-down-left';
import { ArrowUpRightFilled } from '@fluentui/react-icons/svg/arrow-up-right';
import { DeleteRegular } from '@fluentui/react-icons/svg/delete';
import { DismissFilled } from '@fluentui/react-icons/svg/dismiss';
import { HistoryRegular } from '@fluentui/react-icons/svg/history';
import { ShieldCheckmarkFilled } from '@fluentui/react-icons/svg/shield-checkmark';
import { ShieldLockFilled } from '@fluentui/react-icons/svg/shield-lock';
import { type ReactElement, useEffect, useState } from 'react';
import type { RecentCall, RoomState } from '../../../room/state.ts';
import { useCommand, useNow } from '../../shared/room-context.tsx';
import { colours } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { CommandError } from '../screen.tsx';
import { TouchButton } from '../touch-button.tsx';
import { Avatar } from './avatar.tsx';
import { FavouriteStar } from './favourite-star.tsx';
import { NothingHere, PeopleList, PersonRow } from './people-list.tsx';
import { PersonButton } from './person-button.tsx';
import { type RecentKind, recentKindOf, recentText } from './recent-words.ts';

const useStyles = makeStyles({
  remove: { flexShrink: 0, padding: 0, color: colours.quiet },
  detail: { display: 'inline-flex', alignItems: 'center', gap: '0.5em' },
  shield: { color: colours.good, fontSize: '1.2em', lineHeight: 0, flexShrink: 0 }
});

const ICONS: Readonly<Record<RecentKind, ReactElement>> = {
  outgoing: <ArrowUpRightFilled />,
  incoming: <ArrowDownLeftFilled />,
  missed: <ArrowDownLeftFilled />,
  declinedHere: <DismissFilled />,
  declinedThere: <DismissFilled />,
  notAnswered: <ArrowUpRightFilled />,
  failed: <DismissFilled />
};

export function RecentMark({ call }: { readonly call: RecentCall }) {
  return ICONS[recentKindOf(call)];
}

export function RecentsPart({ state, onBack }: { readonly state: RoomState; readonly onBack: () => void }) {
  const t = useTexts();
  const now = useNow();
  const command = useCommand();
  const { run: see } = useCommand();
  const [called, setCalled] = useState<string | null>(null);
  const { recents, favourites, missedUnseen } = state.people;

  useEffect(() => {
    if (missedUnseen > 0) void see('seen', '/api/v1/recents/seen');
  }, [missedUnseen, see]);

  async function place({ id, account }: RecentCall): Promise<void> {
    setCalled(id);
    if (await command.placeCall(account)) onBack();
    else setCalled(null);
  }

  if (recents.length === 0) return <NothingHere icon={<HistoryRegular />} title={t('people.noRecents')} hint={t('people.noRecentsHint')} />;
  return (
    <>
      <PeopleList testId="recents" name={t('people.tab.recents')}>
        {recents.map((call) => (
          <PersonRow key={call.id}>
            <PersonButton
              testId={`recent-${call.id}`}
              name={call.displayName}
              detail={<RecentDetail call={call} now={now} />}
              {...(recentKindOf(call) === 'missed' ? { stands: 'out' as const } : {})}
              avatar={<Avatar name={call.displayName} mark={<RecentMark call={call} />} />}
              disabled={command.pending !== null}
              calling={called === call.id}
              onTouch={() => void place(call)}
            />
            <FavouriteStar person={call} favourites={favourites} command={command} />
            <RemoveRecent call={call} command={command} />
          </PersonRow>
        ))}
      </PeopleList>
      {command.error === null ? null : <CommandError error={command.error} />}
    </>
  );
}

function RecentDetail({ call, now }: { readonly call: RecentCall; readonly now: number }) {
  const styles = useStyles();
  const t = useTexts();
  const verified = call.encryption === 'end-to-end-verified';
  const words = recentText(call, now, t);
  if (!verified && call.encryption !== 'end-to-end') return words;
  return (
    <span className={styles.detail}>
      {words}
      <span className={styles.shield} role="img" aria-label={t(verified ? 'shield.end-to-end-verified' : 'shield.end-to-end')}>
        {verified ? <ShieldCheckmarkFilled /> : <ShieldLockFilled />}
      </span>
    </span>
  );
}

function RemoveRecent({ call, command }: { readonly call: RecentCall; readonly command: ReturnType<typeof useCommand> }) {
  const styles = useStyles();
  const t = useTexts();
  return (
    <TouchButton
      testId={`remove-${call.id}`}
      label=""
      name={t('people.removeRecent', { name: call.displayName })}
      icon={<DeleteRegular />}
      tone="quiet"
      className={styles.remove}
      disabled={command.pending !== null}
      onTouch={() => void command.run(`remove ${call.id}`, '/api/v1/recents/remove', { id: call.id })}
    />
  );
}
