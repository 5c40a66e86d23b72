// The gate between the sockets and the stack. What comes through a relay is held to the same rules as what comes straight: a relay forwards for
// every host whose address it was given, which other clients of it share, and anybody can write to the socket that faces it.
import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { classes, Message, methods, parseMessage } from 'werift';
import { createCallCertificate } from '../../src/encryption/call-certificate.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createPeerTransport, type PeerTransport } from '../../src/media/peer-transport.ts';

const PEER = ['127.0.0.1', 40_000] as const;

async function openSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/** As much of a TURN server (RFC 8656) as a client needs that is let in without a password. */
async function startRelay() {
  const socket = await openSocket();
  const fromClient: Buffer[] = [];
  const waiting = new Set<() => void>();
  let client: RemoteInfo | null = null;
  socket.on('message', (data, sender) => {
    client = sender;
    const request = parseMessage(data);
    if (request === undefined || request.messageClass !== classes.REQUEST) {
      fromClient.push(data);
      for (const look of waiting) look();
      return;
    }
    const response = new Message(request.messageMethod, classes.RESPONSE, request.transactionId);
    if (request.messageMethod === methods.ALLOCATE) {
      response.setAttribute('XOR-RELAYED-ADDRESS', ['127.0.0.1', 50_000]).setAttribute('XOR-MAPPED-ADDRESS', [sender.address, sender.port]);
    }
    response.setAttribute('LIFETIME', 600);
    socket.send(response.bytes, sender.port, sender.address);
  });
  const forwarded = (data: Buffer): Buffer =>
    new Message(methods.DATA, classes.INDICATION).setAttribute('XOR-PEER-ADDRESS', [...PEER]).setAttribute('DATA', data).bytes;
  return {
    port: socket.address().port,
    /** What a peer sends to the client; `by` a socket that is not the relay's, if given. */
    forward(data: Buffer, by: Socket = socket) {
      assert.ok(client !== null);
      by.send(forwarded(data), client.port, client.address);
    },
    answered: (request: Message): boolean => fromClient.some((data) => data.includes(request.transactionId)),
    async answerTo(request: Message): Promise<void> {
      while (!this.answered(request)) {
        await new Promise<void>((resolve) => {
          waiting.add(resolve);
        });
      }
    },
    close: () => socket.close()
  };
}

describe('a relayed path', () => {
  it('takes connectivity checks only with integrity, and only from the relay', async () => {
    const relay = await startRelay();
    const stranger = await openSocket();
    const transport = createPeerTransport({
      controlling: false,
      certificate: createCallCertificate(Date.now()),
      iceServers: [{ urls: `turn:127.0.0.1:${relay.port}?transport=udp`, username: 'room', credential: 'secret' }],
      fips: false,
      clock: systemClock,
      log: silentLog
    });
    try {
      const candidates: string[] = [];
      transport.on('candidate', (candidate) => {
        if (candidate !== null) candidates.push(candidate);
      });
      await transport.gather();
      assert.ok(
        candidates.some((candidate) => candidate.includes('typ relay')),
        'there is a relayed candidate'
      );
      transport.setRemote('peer', 'p'.repeat(22));
      const check = (password: string): Message =>
        new Message(methods.BINDING, classes.REQUEST)
          .setAttribute('USERNAME', `${transport.iceUfrag}:peer`)
          .setAttribute('PRIORITY', 1_000)
          .setAttribute('ICE-CONTROLLING', 1n)
          .addMessageIntegrity(Buffer.from(password))
          .addFingerprint();
      const bare = new Message(methods.BINDING, classes.REQUEST).setAttribute('USERNAME', `${transport.iceUfrag}:peer`).setAttribute('PRIORITY', 1_000);
      const [guessed, repeated, honest] = [check('x'.repeat(32)), check(transport.icePassword), check(transport.icePassword)];
      relay.forward(bare.bytes);
      relay.forward(guessed.bytes);
      relay.forward(repeated.bytes, stranger);
      relay.forward(honest.bytes);
      await relay.answerTo(honest);
      assert.deepEqual([bare, guessed, repeated].map(relay.answered), [false, false, false]);
    } finally {
      await transport.close();
      stranger.close();
      relay.close();
    }
  });
});

describe('a handshake', () => {
  const open = (controlling: boolean): PeerTransport =>
    createPeerTransport({ controlling, certificate: createCallCertificate(Date.now()), iceServers: [], fips: false, clock: systemClock, log: silentLog });

  it('ends where the other side sends fragments without end, which the stack would all keep', async () => {
    const [attacker, room] = [open(true), open(false)];
    try {
      const candidates = { attacker: [] as string[], room: [] as string[] };
      attacker.on('candidate', (candidate) => candidate !== null && candidates.attacker.push(candidate));
      room.on('candidate', (candidate) => candidate !== null && candidates.room.push(candidate));
      await Promise.all([attacker.gather(), room.gather()]);
      attacker.setRemote(room.iceUfrag, room.icePassword);
      room.setRemote(attacker.iceUfrag, attacker.icePassword);
      await Promise.all([...candidates.room.map(attacker.addCandidate), ...candidates.attacker.map(room.addCandidate)]);
      // Both wait for a ClientHello, so that nothing but the fragments comes.
      const outcome = Promise.race([room.connect('server').catch((error: unknown) => error), new Promise((resolve) => setTimeout(resolve, 3_000, 'goes on'))]);
      attacker.connect('server').catch(() => {});
      while (attacker.roundTripMs() === null) await new Promise((resolve) => setTimeout(resolve, 5));
      const fragment = Buffer.alloc(1_200);
      // A handshake record with the first 1,175 of 16,000 bytes of a ClientHello (RFC 6347 section 4.2.2).
      Buffer.from('16fefd0000000000000000', 'hex').copy(fragment);
      fragment.writeUInt16BE(fragment.length - 13, 11);
      Buffer.from('01003e80000000000000', 'hex').copy(fragment, 13);
      fragment.writeUIntBE(fragment.length - 25, 22, 3);
      let settled = false;
      void outcome.then(() => {
        settled = true;
      });
      for (let number = 0; number < 1_000 && !settled; number += 1) {
        attacker.send(fragment);
        if (number % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      assert.match(String(await outcome), /too large/);
    } finally {
      await Promise.all([attacker.close(), room.close()]);
    }
  });
});
