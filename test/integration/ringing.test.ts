// A room that rings: whoever may call it must learn nothing more from that than that it rings, and nobody has to hurry to answer.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { issueEndpoint } from '../../src/identity/certificate-authority.ts';
import { identityOf, readAuthority } from '../../src/identity/store.ts';
import { loadTrustStore } from '../../src/identity/trust-store.ts';
import { uuidV7 } from '../../src/kernel/uuid.ts';
import { stockParty } from '../fakes/dtls-attacker.ts';
import { openRoom, until } from '../fakes/signaling-world.ts';
import { startTwoRooms } from '../harness/two-rooms.ts';

/** As long as a room that told where it is would need to do so. */
const SILENCE_MS = 1_000;

describe('a room that rings', function () {
  this.timeout(60_000);

  it('sends nothing to the addresses that the caller names before a person has answered', async () => {
    await using pair = await startTwoRooms();
    const authority = await readAuthority(pair.identities.authority);
    const caller = await identityOf(await issueEndpoint(authority, 'library@contoso.example', Date.now()), authority.certificatePem);
    const trust = await loadTrustStore({ authorities: [join(pair.identities.authority, 'ca.pem')], revocationLists: [] });
    await using room = openRoom(caller, trust, { url: pair.broker.url, caPem: caller.caPem });
    await room.started;
    await using party = stockParty();
    const socket: Socket = createSocket('udp4');
    try {
      let datagrams = 0;
      socket.on('message', () => {
        datagrams += 1;
      });
      await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
      const candidate = `candidate:99 1 udp 2130706431 127.0.0.1 ${socket.address().port} typ host`;
      const sdp = (await party.offer()).replace('a=candidate:', `a=${candidate}\r\na=candidate:`);
      const call = uuidV7(Date.now(), randomBytes(10));
      const encryption = { offered: true, commitment: '0'.repeat(64) };
      const body = { sdp, encryption, media: { audio: true, video: true }, displayName: 'Library' };
      await room.signaling.send({ account: pair.rooms[1].account }, call, { type: 'call.invite', body });
      await pair.waitFor('it rings', ([, callee]) => callee.call?.phase === 'ringing');
      await pause(SILENCE_MS);
      assert.equal(datagrams, 0);
      await pair.rooms[1].act('answer');
      await until(() => datagrams > 0, 'control: an answered call reaches out');
    } finally {
      socket.close();
    }
  });
});
