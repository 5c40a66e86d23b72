// A fake room with the real administrator: the PIN in its file, hashed as in a room but at a cost that a test can pay.
import { composeAdmin } from '../../agent/compose-admin.ts';
import type { RoomAdministrator } from '../../src/admin/room-admin.ts';
import type { Config } from '../../src/config/schema.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createFakeRoom, type FakeRoom } from '../fakes/room.ts';

export async function startAdministeredRoom(config: Config, clock: Clock): Promise<{ readonly admin: RoomAdministrator; readonly room: FakeRoom }> {
  const admin = composeAdmin(config, { clock, log: silentLog }, { memoryKib: 1024, passes: 1 });
  const room = Object.assign(createFakeRoom(), { admin });
  // What the room says of the administrator is what is so.
  const show = (): void => room.change((state) => ({ ...state, admin: admin.view() }));
  admin.on('changed', show);
  await admin.start(new AbortController().signal);
  show();
  return { admin, room };
}
