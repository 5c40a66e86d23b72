// A room whose certificate was revoked is not believed by a room that has the list, although the broker still carries its messages.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { embeddedBroker, startTwoRooms } from '../harness/two-rooms.ts';

const MAIN = fileURLToPath(new URL('../../agent/main.ts', import.meta.url));

describe('revocation (R14)', function () {
  this.timeout(120_000);

  it('refuses a call from a room on the revocation list, and says so', async () => {
    let caDirectory = '';
    let certificate = '';
    await using rooms = await startTwoRooms({
      config: (index) => (index === 1 ? { identity: { revocationLists: [join(caDirectory, 'crl.pem')] } } : {}),
      makeBroker: async (folders, port) => {
        caDirectory = folders.authority;
        certificate = join(folders.rooms[0]?.directory ?? '', 'certificate.pem');
        const revoked = spawnSync(process.execPath, [MAIN, 'identity', 'revoke', '--ca', caDirectory, '--certificate', certificate]);
        assert.equal(revoked.status, 0, String(revoked.stderr));
        return embeddedBroker(folders, port);
      }
    });
    await rooms.waitFor('both are connected to the broker, which has no list', (states) => states.every(({ network }) => network.broker === 'connected'));
    await rooms.rooms[0].http.post('/api/v1/calls', { to: 'studio@contoso.example', media: { audio: true, video: true } });
    const [, called] = await rooms.waitFor('the called room refuses the invite', ([, callee]) => callee.health.securityEvents.length > 0);
    assert.equal(called.health.securityEvents[0]?.code, 'CL_ENVELOPE_CERTIFICATE_REVOKED');
    assert.equal(called.health.securityEvents[0]?.detectedBy, 'envelope');
    assert.equal(called.call, null, 'it never rang');
  });
});
