// What a path is made with, before it opens a socket. What it does on the network: test/integration/transport-gate.test.ts.
import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { silentLog } from '../../../../src/kernel/log.ts';
import { createIcePath } from '../../../../src/media/path/ice-path.ts';
import { createFakeClock } from '../../../fakes/clock.ts';

const open = (controlling = true) => createIcePath({ controlling, iceServers: [], clock: createFakeClock(), log: silentLog });

describe('the credentials of a path', () => {
  it('have 48 and 192 bits, in characters that ICE allows (RFC 8839 section 5.4)', () => {
    const { iceUfrag, icePassword } = open();
    assert.match(iceUfrag, /^[A-Za-z0-9+/]{8}$/);
    assert.match(icePassword, /^[A-Za-z0-9+/]{32}$/);
  });

  it('are different each time', () => {
    const paths = Array.from({ length: 50 }, () => open());
    assert.equal(new Set(paths.map(({ iceUfrag }) => iceUfrag)).size, 50);
    assert.equal(new Set(paths.map(({ icePassword }) => icePassword)).size, 50);
  });
});

describe('a path that is closed before it connects', () => {
  it('says so to who waits for it, and leaves no timer', async () => {
    const clock = createFakeClock();
    const path = createIcePath({ controlling: true, iceServers: [], clock, log: silentLog });
    path.setRemote('peer', 'p'.repeat(22));
    await assert.rejects(path.connect(), { code: 'CL_MEDIA_CONNECT' });
    await path.close();
    assert.equal(clock.pending, 0);
  });
});

describe('a machine that does not tell its addresses', () => {
  const { networkInterfaces } = os;
  const replaceWith = (other: typeof networkInterfaces): void => {
    os.networkInterfaces = other;
    syncBuiltinESMExports();
  };
  afterEach(() => replaceWith(networkInterfaces));

  it('is warned of, and the path is made', async () => {
    const warnings: string[] = [];
    replaceWith(() => {
      throw new Error('EMFILE');
    });
    const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
    const path = createIcePath({ controlling: true, iceServers: [], clock: createFakeClock(), log });
    assert.deepEqual(warnings, ['the addresses of this machine cannot be read']);
    await path.close();
  });
});
