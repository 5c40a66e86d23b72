// A room behind the real HTTP interface and the built pages, for tests that need no second room.
import { join } from 'node:path';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import type { RoomPort } from '../../src/ui-server/port.ts';
import { createUiServer, type UiServer, type UiServerOptions } from '../../src/ui-server/server.ts';

const BUILT_PAGES = join(import.meta.dirname, '..', '..', 'dist', 'ui');

/** On a free port of this machine; `options` say what is otherwise. It is listening when this resolves. */
export async function serveRoom(room: RoomPort, options: Partial<Omit<UiServerOptions, 'room'>> = {}): Promise<UiServer> {
  const server = createUiServer({
    room,
    host: '127.0.0.1',
    port: 0,
    uiDirectory: BUILT_PAGES,
    allowedHosts: [],
    log: silentLog,
    clock: systemClock,
    ...options
  });
  await server.start(new AbortController().signal);
  return server;
}
