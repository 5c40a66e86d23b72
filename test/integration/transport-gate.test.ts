// The gate in front of ICE and DTLS, on real sockets: a third party on the network can neither close nor slow nor redirect a path. Where the stack as it
// comes lets an attack through, a control shows that.
import assert from 'node:assert/strict';
import { createSocket, Socket as DatagramSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { Candidate, CandidatePair, Connection, classes, Message, methods, parseMessage } from 'werift';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createIcePath, type Path } from '../../src/media/path/ice-path.ts';
import { callThrough, createRelay, isDtlsDatagram, isMediaDatagram, pause, type Relay, roomParty, type Side, until } from '../fakes/dtls-attacker.ts';

/** As long as an answer would need that does not come. */
const SILENCE_MS = 300;
const RTP = Buffer.from(`80600001${'00'.repeat(60)}`, 'hex');
const HELLO = Buffer.from(`16fefd0000000000000000003a${'00'.repeat(58)}`, 'hex');
/** What closed, reset or fooled the stack's own DTLS with one datagram. */
const SINGLE_PACKETS: Readonly<Record<string, Buffer>> = {
  'a plain alert': Buffer.from('15fefd000000000000ffff00020100', 'hex'),
  'a plain fatal alert': Buffer.from('15fefd000000000000ffff00020228', 'hex'),
  'a record of an unknown kind': Buffer.from('19fefd000000000000ffff000401020304', 'hex'),
  'a ClientHello': HELLO,
  media: RTP,
  'feedback on media': Buffer.from('81ce00020000000100000002', 'hex'),
  'what nobody knows': Buffer.from('ff00ff00', 'hex'),
  'an indication': new Message(methods.BINDING, classes.INDICATION).bytes
};

async function openSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/** Somebody else on the network, at an address of their own. */
async function createStranger() {
  const socket = await openSocket();
  const heard: Buffer[] = [];
  socket.on('message', (data) => heard.push(data));
  return {
    heard,
    sendTo: (to: { readonly address: string; readonly port: number }, data: Buffer) => socket.send(data, to.port, to.address),
    [Symbol.dispose]: () => void socket.close()
  };
}

type Address = ReturnType<Relay['address']>;
type Gate = { readonly path: Path; readonly received: (readonly [Buffer, string])[]; readonly said: string[] };
type Paths = AsyncDisposable & { readonly relay: Relay; readonly offerer: Gate; readonly answerer: Gate; connect(): Promise<void> };

function openPath(controlling: boolean): Gate {
  const path = createIcePath({ controlling, iceServers: [], clock: systemClock, log: silentLog });
  const received: (readonly [Buffer, string])[] = [];
  const said: string[] = [];
  path.on('datagram', (data, from) => received.push([data, from]));
  path.on('lost', () => said.push('lost'));
  path.on('silent', (silent) => said.push(silent ? 'silent' : 'heard'));
  return { path, received, said };
}

/** Two paths that know each other by addresses of a relay on the way, which sees all and can hold back or put in what it likes. */
async function openPaths(): Promise<Paths> {
  const relay = await createRelay();
  const sides = { offerer: openPath(true), answerer: openPath(false) };
  const candidates: Record<Side, string> = { offerer: '', answerer: '' };
  for (const side of ['offerer', 'answerer'] as const) {
    const lines: string[] = [];
    sides[side].path.on('candidate', (candidate) => lines.push(`a=${candidate ?? ''}`));
    await sides[side].path.gather();
    candidates[side] = /a=(candidate:.*)/.exec(relay.rewrite(side, ['a=mid:0', ...lines].join('\r\n')))?.[1] ?? '';
  }
  const { offerer, answerer } = sides;
  offerer.path.setRemote(answerer.path.iceUfrag, answerer.path.icePassword);
  answerer.path.setRemote(offerer.path.iceUfrag, offerer.path.icePassword);
  await offerer.path.addCandidate(candidates.answerer);
  await answerer.path.addCandidate(candidates.offerer);
  return {
    relay,
    offerer,
    answerer,
    async connect() {
      await Promise.all([offerer.path.connect(), answerer.path.connect()]);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([offerer.path.close(), answerer.path.close()]);
      await relay[Symbol.asyncDispose]();
    }
  };
}

/** Two connections of the stack as it comes, over the loopback interface. */
async function openStock() {
  const [offerer, answerer] = [new Connection(true), new Connection(false)];
  for (const connection of [offerer, answerer]) {
    delete connection.stunServer;
    connection.options.additionalHostAddresses = ['127.0.0.1'];
    await connection.gatherCandidates();
  }
  const received: Buffer[] = [];
  answerer.onData.subscribe((data) => received.push(data));
  const local = (connection: Connection): Candidate => {
    const candidate = connection.localCandidates.find(({ host }) => host === '127.0.0.1');
    assert.ok(candidate);
    return new Candidate('1', 1, 'udp', candidate.priority, candidate.host, candidate.port, 'host');
  };
  for (const [self, other] of [
    [offerer, answerer],
    [answerer, offerer]
  ] as const) {
    self.setRemoteParams({ iceLite: false, usernameFragment: other.localUsername, password: other.localPassword });
    await self.addRemoteCandidate(local(other));
    await self.addRemoteCandidate(undefined);
  }
  await Promise.all([offerer.connect(), answerer.connect()]);
  return {
    answerer,
    offerer,
    received,
    address: { address: '127.0.0.1', port: local(answerer).port } satisfies Address,
    async [Symbol.asyncDispose]() {
      await Promise.all([offerer.close(), answerer.close()]);
    }
  };
}

const messageOf = (data: Buffer) => ((data[0] ?? 0xff) < 4 ? parseMessage(data) : undefined);
const isRequest = (data: Buffer) => messageOf(data)?.messageClass === classes.REQUEST;
const isAnswer = (data: Buffer) => messageOf(data)?.messageClass === classes.RESPONSE;
const answersTo = (id: Buffer, among: readonly Buffer[]) => among.filter((data) => isAnswer(data) && data.subarray(8, 20).equals(id)).length;
const sentBy = (relay: Relay, side: Side) => relay.seen.filter(({ from }) => from === side).map(({ data }) => data);
const idOf = (stun: Buffer) => stun.subarray(8, 20);

type Credentials = { readonly name: string; readonly password: string };
const bareCheck = (name: string, role: 'ICE-CONTROLLING' | 'ICE-CONTROLLED' = 'ICE-CONTROLLING', tieBreaker = 1n) =>
  new Message(methods.BINDING, classes.REQUEST).setAttribute('USERNAME', name).setAttribute('PRIORITY', 1_000).setAttribute(role, tieBreaker);
/** As only the other side, who knows the password, can make it. */
const check = ({ name, password }: Credentials) =>
  bareCheck(name).setAttribute('USE-CANDIDATE', null).addMessageIntegrity(Buffer.from(password)).addFingerprint().bytes;
const towards = ({ answerer, offerer }: Paths): Credentials => ({
  name: `${answerer.path.iceUfrag}:${offerer.path.iceUfrag}`,
  password: answerer.path.icePassword
});
const stockTowards = ({ answerer, offerer }: { answerer: Connection; offerer: Connection }): Credentials => ({
  name: `${answerer.localUsername}:${offerer.localUsername}`,
  password: answerer.localPassword
});

/** Sends on it both ways, and only the two sides get it. */
async function carries({ offerer, answerer }: Paths): Promise<void> {
  for (const [from, to] of [
    [offerer, answerer],
    [answerer, offerer]
  ] as const) {
    const datagram = Buffer.from(`80600001${Math.random()}`);
    from.path.send(datagram);
    await until(() => to.received.some(([data]) => data.equals(datagram)), 'a datagram');
  }
}

describe('the gate, and somebody else on the network', function () {
  this.timeout(20_000);

  describe('who sends one datagram of any kind', () => {
    it('control: is listened to by the stack as it comes', async () => {
      await using stock = await openStock();
      using stranger = await createStranger();
      for (const data of Object.values(SINGLE_PACKETS)) stranger.sendTo(stock.address, data);
      await until(() => stock.received.length >= Object.keys(SINGLE_PACKETS).length - 1, 'what the stranger sent');
    });

    it('is not listened to', async () => {
      await using paths = await openPaths();
      await paths.connect();
      await carries(paths);
      using stranger = await createStranger();
      for (const data of Object.values(SINGLE_PACKETS)) stranger.sendTo(paths.relay.address('answerer'), data);
      await pause(SILENCE_MS);
      assert.deepEqual([paths.answerer.received.length, paths.answerer.said, stranger.heard], [1, [], []]);
      await carries(paths);
    });

    it('does not disturb a call', async () => {
      await using relay = await createRelay();
      await using offerer = roomParty();
      await using answerer = roomParty();
      await callThrough(relay, offerer, answerer);
      await until(() => offerer.received() > 5 && answerer.received() > 5, 'media');
      using stranger = await createStranger();
      const recorded = relay.seen.filter(({ data }) => isMediaDatagram(data) || isDtlsDatagram(data)).map(({ data }) => data);
      for (const to of ['offerer', 'answerer'] as const) {
        for (const data of [...Object.values(SINGLE_PACKETS), ...recorded]) stranger.sendTo(relay.address(to), data);
      }
      const before = [offerer.received(), answerer.received()] as const;
      await until(() => offerer.received() > before[0] + 30 && answerer.received() > before[1] + 30, 'media after the attack');
      assert.deepEqual([offerer.failure(), answerer.failure(), stranger.heard], [null, null, []]);
    });
  });

  describe('who invents connectivity checks', () => {
    it('control: adds as many pairs as they like to the stack as it comes, and turns its role round', async () => {
      await using stock = await openStock();
      using stranger = await createStranger();
      const before = stock.answerer.candidatePairs.length;
      stranger.sendTo(stock.address, bareCheck('any:body').bytes);
      await until(() => stranger.heard.some(isAnswer) && stranger.heard.some(isRequest), 'an answer and a check of the stack’s');
      assert.equal(stock.answerer.candidatePairs.length, before + 1);
      stranger.sendTo(stock.address, bareCheck('any:body', 'ICE-CONTROLLED', 0n).bytes);
      await until(() => stock.answerer.iceControlling, 'the other role');
    });

    it('gets no answer, no check and no other role', async () => {
      await using paths = await openPaths();
      await paths.connect();
      using stranger = await createStranger();
      const { name, password } = towards(paths);
      const to = paths.relay.address('answerer');
      const half = check({ name, password });
      for (const data of [
        bareCheck(name).bytes,
        bareCheck(name, 'ICE-CONTROLLED', 0n).bytes,
        check({ name, password: 'x'.repeat(32) }),
        check({ name, password: paths.offerer.path.icePassword }),
        check({ name: `${paths.answerer.path.iceUfrag}:other`, password }),
        check({ name: `other:${paths.offerer.path.iceUfrag}`, password }),
        half.subarray(0, half.length - 12),
        new Message(methods.ALLOCATE, classes.REQUEST).setAttribute('USERNAME', name).addMessageIntegrity(Buffer.from(password)).addFingerprint().bytes,
        bareCheck(name).addMessageIntegrity(Buffer.from(password)).setAttribute('USE-CANDIDATE', null).addFingerprint().bytes
      ]) {
        stranger.sendTo(to, data);
      }
      // Nobody says anything, so that both sides ask within half a second.
      const asked = () => sentBy(paths.relay, 'answerer').filter(isRequest);
      const before = asked().length;
      await until(() => asked().length > before, 'a check of the side that was attacked');
      assert.ok(messageOf(asked().at(-1) ?? Buffer.alloc(0))?.attributesKeys.includes('ICE-CONTROLLED'));
      assert.deepEqual(stranger.heard, []);
      await carries(paths);
    });
  });

  describe('who records connectivity checks and sends them again', () => {
    it('control: is answered and checked by the stack as it comes, from as many addresses as they like', async () => {
      await using stock = await openStock();
      const recorded = check(stockTowards(stock));
      const strangers = await Promise.all(Array.from({ length: 12 }, createStranger));
      try {
        for (const stranger of strangers) stranger.sendTo(stock.address, recorded);
        await until(() => strangers.every(({ heard }) => heard.some(isAnswer)), 'an answer to each');
        assert.ok(stock.answerer.candidatePairs.length >= 12);
      } finally {
        for (const stranger of strangers) stranger[Symbol.dispose]();
      }
    });

    it('gets nothing from another address', async () => {
      await using paths = await openPaths();
      await paths.connect();
      using stranger = await createStranger();
      const recorded = sentBy(paths.relay, 'offerer').filter(isRequest);
      assert.ok(recorded.length > 0 && recorded.every((data) => messageOf(data)?.attributesKeys.includes('USE-CANDIDATE')));
      for (const data of recorded) stranger.sendTo(paths.relay.address('answerer'), data);
      await pause(SILENCE_MS);
      assert.deepEqual(stranger.heard, []);
      await carries(paths);
    });

    it('does not move the path with one that never arrived, which asks for just that', async () => {
      await using paths = await openPaths();
      await paths.connect();
      const kept: Buffer[] = [];
      paths.relay.forward((from, data) => {
        if (from !== 'offerer' || !isRequest(data)) return [data];
        kept.push(data);
        return [];
      });
      await until(() => kept.length > 0, 'a check');
      using stranger = await createStranger();
      const fresh = check(towards(paths));
      for (const data of [...kept, fresh]) stranger.sendTo(paths.relay.address('answerer'), data);
      await until(() => answersTo(idOf(fresh), stranger.heard) === 1, 'an answer: it is honest, and might be from behind a network translation');
      paths.relay.forward((_from, data) => [data]);
      await carries(paths);
      await pause(SILENCE_MS);
      await carries(paths);
      assert.ok(
        stranger.heard.every((data) => messageOf(data) !== undefined),
        'nothing but checks and answers'
      );
    });

    it('makes no more work of one check than of a few', async () => {
      await using paths = await openPaths();
      await paths.connect();
      const recorded = sentBy(paths.relay, 'offerer').find(isRequest);
      assert.ok(recorded);
      for (let times = 0; times < 500; times += 1) paths.relay.inject('answerer', recorded);
      await pause(SILENCE_MS);
      assert.ok(answersTo(idOf(recorded), sentBy(paths.relay, 'answerer')) <= 16);
      await carries(paths);
    });

    it('does not shut the other side out by being quicker', async () => {
      await using paths = await openPaths();
      using stranger = await createStranger();
      paths.relay.forward((from, data) => {
        if (from === 'offerer' && isRequest(data)) {
          stranger.sendTo(paths.relay.address('answerer'), data);
          void pause(20).then(() => paths.relay.inject('answerer', data));
          return [];
        }
        return [data];
      });
      await paths.connect();
      await carries(paths);
      assert.ok(stranger.heard.some(isAnswer), 'the stranger was quicker');
      await pause(50);
    });
  });

  describe('a flood of honest checks from many addresses', () => {
    it('reaches a handful at a time, leaves the path where it is, and new addresses get in when those have not answered', async () => {
      await using paths = await openPaths();
      await paths.connect();
      const strangers = await Promise.all(Array.from({ length: 40 }, createStranger));
      const latecomer = await createStranger();
      try {
        const to = paths.relay.address('answerer');
        for (const stranger of strangers) stranger.sendTo(to, check(towards(paths)));
        await until(() => strangers.some(({ heard }) => heard.length > 0), 'an answer');
        await pause(SILENCE_MS);
        assert.equal(strangers.filter(({ heard }) => heard.length > 0).length, 8);
        await carries(paths);
        for (const startMs = performance.now(); latecomer.heard.length === 0 && performance.now() - startMs < 5_000; await pause(100)) {
          latecomer.sendTo(to, check(towards(paths)));
        }
        assert.ok(latecomer.heard.some(isAnswer), 'the latecomer is answered');
        const most = Math.max(...strangers.map(({ heard }) => heard.length));
        assert.ok(most <= 6, `${most} datagrams to one address for one check`);
        await carries(paths);
      } finally {
        for (const stranger of [...strangers, latecomer]) stranger[Symbol.dispose]();
      }
    });
  });

  describe('the other side itself', () => {
    it('makes the stack remember no more checks than are needed, however many it sends', async () => {
      const most = { count: 0 };
      const { noteIncomingRequest } = CandidatePair.prototype;
      CandidatePair.prototype.noteIncomingRequest = function (this: CandidatePair, id: string) {
        const repeated = Reflect.apply(noteIncomingRequest, this, [id]);
        const remembered: unknown = Reflect.get(this, 'requestTransactionIds');
        assert.ok(remembered instanceof Set);
        most.count = Math.max(most.count, remembered.size);
        return repeated;
      };
      try {
        await using paths = await openPaths();
        await paths.connect();
        let last = Buffer.alloc(0);
        for (let times = 0; times < 1_500; times += 1) {
          last = check(towards(paths));
          paths.relay.inject('answerer', last);
          if (times % 50 === 0) await pause(1);
        }
        await until(() => answersTo(idOf(last), sentBy(paths.relay, 'answerer')) > 0, 'an answer to the last');
        assert.ok(most.count > 100 && most.count <= 512, `${most.count} are remembered`);
      } finally {
        CandidatePair.prototype.noteIncomingRequest = noteIncomingRequest;
      }
    });

    it('is answered only so often before the path is wanted, and then as ever', async () => {
      await using paths = await openPaths();
      const answers = () => sentBy(paths.relay, 'answerer').filter(isAnswer).length;
      for (let times = 0; times < 600; times += 1) {
        paths.relay.inject('answerer', check(towards(paths)));
        if (times % 50 === 0) await pause(1);
      }
      await until(() => answers() > 100, 'answers');
      await pause(SILENCE_MS);
      assert.equal(answers(), 256);
      await paths.connect();
      await carries(paths);
    });

    it('is tried again after a check of it failed for good in the eyes of the stack', async () => {
      await using paths = await openPaths();
      // Longer than the five requests of one check.
      paths.relay.forward(() => []);
      const connecting = paths.connect();
      await until(
        () =>
          new Set(
            sentBy(paths.relay, 'offerer')
              .filter(isRequest)
              .map((data) => idOf(data).toString('hex'))
          ).size > 1,
        'a second check'
      );
      paths.relay.forward((_from, data) => [data]);
      await connecting;
      await carries(paths);
    });
  });

  describe('who forges answers to our checks', () => {
    it('neither fails nor makes the path, whatever the answer says', async () => {
      await using paths = await openPaths();
      using stranger = await createStranger();
      let forged = 0;
      paths.relay.forward((from, data) => {
        if (!isRequest(data)) return isAnswer(data) ? [] : [data];
        // To the answerer's checks; those of the offerer are answered honestly, and the answers dropped above.
        if (from === 'offerer') return [data];
        const answer = (messageClass: (typeof classes)[keyof typeof classes]) =>
          new Message(methods.BINDING, messageClass, Buffer.from(idOf(data))).setAttribute('XOR-MAPPED-ADDRESS', ['127.0.0.1', 9]);
        const password = Buffer.from(paths.offerer.path.icePassword);
        const wrong = Buffer.from(paths.answerer.path.icePassword);
        for (const code of [401, 487] as const) {
          for (const forgery of [
            answer(classes.ERROR).setAttribute('ERROR-CODE', [code, '']),
            answer(classes.ERROR).setAttribute('ERROR-CODE', [code, '']).addMessageIntegrity(wrong),
            answer(classes.RESPONSE),
            answer(classes.RESPONSE).addMessageIntegrity(wrong).addFingerprint(),
            answer(classes.RESPONSE).addMessageIntegrity(password).setAttribute('SOFTWARE', 'behind').addFingerprint()
          ]) {
            paths.relay.inject('answerer', forgery.bytes);
            forged += 1;
          }
        }
        // A right answer from a wrong address.
        stranger.sendTo(paths.relay.address('answerer'), answer(classes.RESPONSE).addMessageIntegrity(password).addFingerprint().bytes);
        return [];
      });
      let connected = false;
      const connecting = Promise.all([
        paths.offerer.path.connect(),
        paths.answerer.path.connect().then(() => {
          connected = true;
        })
      ]);
      await until(() => forged >= 30, 'forgeries');
      await pause(SILENCE_MS);
      assert.equal(connected, false);
      assert.ok(
        sentBy(paths.relay, 'answerer')
          .filter(isRequest)
          .every((data) => messageOf(data)?.attributesKeys.includes('ICE-CONTROLLED')),
        'the role is what it was'
      );
      paths.relay.forward((_from, data) => [data]);
      await connecting;
      await carries(paths);
    });
  });

  it('is in front of every socket, or there is none: a stack that goes round it is not used', async () => {
    const { emit } = DatagramSocket.prototype;
    // As if an upgrade took its datagrams from somewhere else: nothing that is put in comes out where the gate stands.
    DatagramSocket.prototype.emit = function (this: Socket, event: string | symbol, ...args: unknown[]) {
      return event === 'message' ? false : (Reflect.apply(emit, this, [event, ...args]) as boolean);
    } as typeof emit;
    try {
      const { path, said } = openPath(true);
      const candidates: unknown[] = [];
      path.on('candidate', (candidate) => candidates.push(candidate));
      await assert.rejects(path.gather(), { code: 'CL_INTERNAL', message: /past the gate/ });
      await assert.rejects(path.connect(), { code: 'CL_INTERNAL' });
      assert.deepEqual([candidates, said], [[], ['lost']]);
      await path.close();
    } finally {
      Reflect.deleteProperty(DatagramSocket.prototype, 'emit');
    }
  });

  it('hears the other side’s first datagram although strangers flood it, and before our own check is answered', async () => {
    await using paths = await openPaths();
    using stranger = await createStranger();
    paths.relay.forward((from, data) => (from === 'offerer' && isAnswer(data) ? [] : [data]));
    const connecting = paths.connect();
    await until(() => sentBy(paths.relay, 'answerer').some(isAnswer), 'the answer to a check of the offerer');
    for (let times = 0; times < 1_000; times += 1) stranger.sendTo(paths.relay.address('answerer'), HELLO);
    await until(() => paths.offerer.path.roundTripMs() !== null, 'a pair');
    const first = Buffer.concat([HELLO, Buffer.from('first')]);
    paths.offerer.path.send(first);
    await until(() => paths.answerer.received.length > 0, 'the first datagram');
    assert.deepEqual(
      paths.answerer.received.map(([data]) => data),
      [first]
    );
    assert.match(paths.answerer.received[0]?.[1] ?? '', /^127\.0\.0\.1:\d+$/);
    paths.relay.forward((_from, data) => [data]);
    await connecting;
  });
});

describe('the end of a path', function () {
  this.timeout(20_000);

  it('is noticed when the network is silent, and so is its return', async () => {
    await using paths = await openPaths();
    await paths.connect();
    await carries(paths);
    const recorded = sentBy(paths.relay, 'offerer').filter((data) => isAnswer(data) || isRequest(data) || isMediaDatagram(data));
    paths.relay.forward(() => []);
    // Recorded signs of life are none.
    const replaying = setInterval(() => {
      for (const data of recorded) paths.relay.inject('answerer', data);
    }, 50);
    try {
      await until(() => paths.answerer.said.length > 0 && paths.offerer.said.length > 0, 'the silence');
    } finally {
      clearInterval(replaying);
    }
    paths.relay.forward((_from, data) => [data]);
    await until(() => paths.answerer.said.length > 1 && paths.offerer.said.length > 1, 'the return');
    assert.deepEqual(
      [paths.offerer.said, paths.answerer.said],
      [
        ['silent', 'heard'],
        ['silent', 'heard']
      ]
    );
    await carries(paths);
  });

  it('is not taken for one where nobody has anything to say', async () => {
    await using paths = await openPaths();
    await paths.connect();
    await pause(2_500);
    assert.deepEqual([paths.offerer.said, paths.answerer.said], [[], []]);
  });

  it('is noticed when a socket of ours dies', async () => {
    const opened: Socket[] = [];
    const { bind } = DatagramSocket.prototype;
    DatagramSocket.prototype.bind = function (this: Socket, ...how: unknown[]) {
      opened.push(this);
      return Reflect.apply(bind, this, how) as Socket;
    };
    try {
      await using paths = await openPaths();
      await paths.connect();
      const { port } = paths.relay.address('answerer');
      opened.find((socket) => isOpenAt(socket, port))?.close();
      await until(() => paths.answerer.said.length > 0, 'the loss');
      assert.deepEqual(paths.answerer.said, ['lost']);
    } finally {
      DatagramSocket.prototype.bind = bind;
    }
  });

  it('that we want ourselves is not said', async () => {
    await using paths = await openPaths();
    await paths.connect();
    await paths.answerer.path.close();
    assert.deepEqual(paths.answerer.said, []);
  });
});

function isOpenAt(socket: Socket, port: number): boolean {
  try {
    return socket.address().port === port;
  } catch {
    return false;
  }
}

const PEER = ['127.0.0.1', 40_000] as const;

/** As much of a TURN server (RFC 8656) as a client needs that is let in without a password. */
async function startTurnServer() {
  const socket = await openSocket();
  const fromClient: Buffer[] = [];
  let client: RemoteInfo | null = null;
  socket.on('message', (data, sender) => {
    client = sender;
    const request = parseMessage(data);
    if (request === undefined || request.messageClass !== classes.REQUEST) {
      fromClient.push(data);
      return;
    }
    const response = new Message(request.messageMethod, classes.RESPONSE, request.transactionId);
    if (request.messageMethod === methods.ALLOCATE) {
      response.setAttribute('XOR-RELAYED-ADDRESS', ['127.0.0.1', 50_000]).setAttribute('XOR-MAPPED-ADDRESS', [sender.address, sender.port]);
    }
    response.setAttribute('LIFETIME', 600);
    socket.send(response.bytes, sender.port, sender.address);
  });
  const forwarded = (data: Buffer, peer: readonly [string, number]): Buffer =>
    new Message(methods.DATA, classes.INDICATION).setAttribute('XOR-PEER-ADDRESS', [...peer]).setAttribute('DATA', data).bytes;
  return {
    port: socket.address().port,
    /** What a peer sends to the client; `by` a socket that is not the relay's, if given. */
    forward(data: Buffer, { by = socket, peer = PEER }: { by?: Socket; peer?: readonly [string, number] } = {}) {
      assert.ok(client !== null);
      by.send(forwarded(data, peer), client.port, client.address);
    },
    answered: (request: Buffer): boolean => fromClient.some((data) => data.includes(idOf(request))),
    close: () => socket.close()
  };
}

describe('a relayed path', () => {
  it('takes connectivity checks only with integrity, and data only from where they came; both only from the relay', async () => {
    // A relay forwards for every host whose address it was given, which its other clients share, and anybody can write to the socket that faces it.
    const relay = await startTurnServer();
    const stranger = await openSocket();
    const path = createIcePath({
      controlling: false,
      iceServers: [{ urls: `turn:127.0.0.1:${relay.port}?transport=udp`, username: 'room', credential: 'secret' }],
      clock: systemClock,
      log: silentLog
    });
    try {
      const candidates: string[] = [];
      const received: (readonly [string, string])[] = [];
      path.on('candidate', (candidate) => candidates.push(candidate ?? ''));
      path.on('datagram', (data, from) => received.push([data.toString('hex'), from]));
      await path.gather();
      assert.ok(
        candidates.some((candidate) => candidate.includes('typ relay')),
        'there is a relayed candidate'
      );
      path.setRemote('peer', 'p'.repeat(22));
      const name = `${path.iceUfrag}:peer`;
      path.connect().catch(() => {});
      const joining = check({ name, password: path.icePassword });
      // Direct ways have a head start; until it is over a relay takes no part.
      await until(() => {
        relay.forward(joining, { peer: ['127.0.0.1', 39_999] });
        return relay.answered(joining);
      }, 'the relay takes part');
      const [guessed, repeated, honest] = [
        check({ name, password: 'x'.repeat(32) }),
        check({ name, password: path.icePassword }),
        check({ name, password: path.icePassword })
      ];
      const bare = bareCheck(name).bytes;
      relay.forward(HELLO);
      relay.forward(bare);
      relay.forward(guessed);
      relay.forward(repeated, { by: stranger });
      relay.forward(honest);
      await until(() => relay.answered(honest), 'an answer to the honest one');
      assert.deepEqual([bare, guessed, repeated].map(relay.answered), [false, false, false]);
      assert.deepEqual(received, []);
      relay.forward(HELLO, { by: stranger });
      relay.forward(HELLO, { peer: ['127.0.0.1', 40_001] });
      relay.forward(RTP);
      await until(() => received.length > 0, 'the datagram of the other side');
      assert.deepEqual(received, [[RTP.toString('hex'), '127.0.0.1:40000']]);
    } finally {
      await path.close();
      stranger.close();
      relay.close();
    }
  });
});
