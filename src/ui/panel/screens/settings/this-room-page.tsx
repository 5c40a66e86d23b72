// Who this room is to others, and who looks after it.
import type { RoomState } from '../../../../room/state.ts';
import { useTexts } from '../../../shared/use-texts.ts';
import { Facts } from './facts.tsx';
import { Intro, Page } from './page.tsx';

export function ThisRoomPage({ state: { room } }: { readonly state: RoomState }) {
  const t = useTexts();
  return (
    <Page testId="settings-room" title={t('settings.page.room')}>
      <Facts
        testId="facts-room"
        facts={[
          { name: t('room.name'), value: room.name },
          { name: t('room.account'), value: room.account, code: true },
          { name: t('room.organisation'), value: room.organisation, code: true },
          { name: t('room.endpoint'), value: room.endpoint, code: true },
          { name: t('room.fleet'), value: t('room.fleet.none') }
        ]}
      />
      <Intro>{t('room.hint')}</Intro>
    </Page>
  );
}
