// A DTLS end that breaks one rule and keeps all others, over UDP. Everything after the breach is computed as if it were right: transcript, keys, signatures and
// Finished fit what was really said, so that nothing but the rule itself can refuse it. It repeats nothing and checks nothing.
import { type KeyObject, randomBytes, sign } from 'node:crypto';
import type { DtlsRole } from '../../src/media/secure-transport/dtls/connection.ts';
import { createReassembler, type HandshakeMessage, readFragments, wholeMessage } from '../../src/media/secure-transport/dtls/fragments.ts';
import { createKeyShare, type KeyShare } from '../../src/media/secure-transport/dtls/key-exchange.ts';
import { extendedMasterSecret, finishedOf, type TrafficKeys, trafficKeys } from '../../src/media/secure-transport/dtls/key-schedule.ts';
import {
  readClientHello,
  readClientKeyExchange,
  readHelloVerifyRequest,
  readServerHello,
  readServerKeyExchange,
  writeCertificate,
  writeCertificateRequest,
  writeClientHello,
  writeClientKeyExchange,
  writeHelloVerifyRequest,
  writeParameters,
  writeServerHello,
  writeSigned
} from '../../src/media/secure-transport/dtls/messages.ts';
import { type DtlsRecord, plainRecord, protectRecord, readRecords, unprotectRecord } from '../../src/media/secure-transport/dtls/records.ts';
import { type CipherSuite, CONTENT, FIPS_POLICY, type Group, MESSAGE, type Policy, STANDARD_POLICY } from '../../src/media/secure-transport/dtls/registry.ts';
import type { Identity } from './dtls-peer.ts';
import { closeSocket, openSocket } from './udp-dtls.ts';

export type Spoken = { readonly type: number; readonly body: Buffer };

export type Breach = {
  readonly group?: Group['name'];
  /** With another key than the certificate's. */
  readonly privateKey?: KeyObject;
  /** What goes over the wire as the own share, and the secret that the other side will make of it. */
  readonly keyShare?: Pick<KeyShare, 'share' | 'agree'>;
  /** What is said in place of a message; the signatures and Finished after it cover that. */
  readonly say?: (honest: Spoken, so: SoFar) => readonly Spoken[];
};
export type SoFar = {
  readonly transcript: readonly Buffer[];
  readonly clientRandom: Buffer;
  readonly serverRandom: Buffer;
  /** What a Finished says that is computed over other messages, or for the other side. */
  finished(sender: DtlsRole, transcript: readonly Buffer[]): Buffer;
};

export type HostileEnd = AsyncDisposable & {
  readonly port: number;
  /** Goes through the handshake; resolves where the other side's Finished came, and never where it did not. */
  run(serverPort?: number): Promise<void>;
};

const [SUITE] = STANDARD_POLICY.suites;
const SRTP_PROFILE = 7;
const COOKIE = Buffer.alloc(32, 7);

type Association = {
  next(): Promise<HandshakeMessage>;
  /** Said, and part of the transcript. */
  say(type: number, body: Buffer): void;
  /** Said, and forgotten. */
  ask(type: number, body: Buffer): void;
  hear(message: HandshakeMessage): void;
  finish(): void;
  setKeys(suite: CipherSuite, keys: TrafficKeys): void;
  flush(): void;
};

/** @param own the certificate that is shown; its key unless the breach has another */
export async function createHostileEnd(role: DtlsRole, own: Identity, breach: Breach = {}): Promise<HostileEnd> {
  const socket = await openSocket();
  const inbox: HandshakeMessage[] = [];
  const sealed: DtlsRecord[] = [];
  const reassembler = createReassembler(0);
  const transcript: Buffer[] = [];
  const randoms = { client: randomBytes(32), server: randomBytes(32) };
  const outbox: Buffer[] = [];
  let wake = (): void => {};
  let remotePort = 0;
  let keys: { readonly suite: CipherSuite; readonly keys: TrafficKeys } | null = null;
  let nextMessage = 0;
  let nextRecord = 0;

  const takeFragments = (content: Buffer): void => {
    for (const fragment of readFragments(content) ?? []) reassembler.take(fragment);
    for (let message = reassembler.next(); message !== null; message = reassembler.next()) inbox.push(message);
  };
  const openSealed = (): void => {
    if (keys === null) return;
    const from = role === 'client' ? keys.keys.server : keys.keys.client;
    for (const record of sealed.splice(0)) {
      const content = unprotectRecord(keys.suite, from, record);
      if (content !== null && record.type === CONTENT.handshake) takeFragments(content);
    }
  };
  socket.on('message', (datagram, { port }) => {
    remotePort = port;
    for (const record of readRecords(datagram)) {
      if (record.epoch === 1) sealed.push(record);
      else if (record.type === CONTENT.handshake) takeFragments(record.body);
    }
    openSealed();
    wake();
  });

  const out = (type: number, content: Buffer): void => {
    outbox.push(plainRecord(type, nextRecord, content));
    nextRecord += 1;
  };
  const utter = ({ type, body }: Spoken): Buffer => {
    const whole = wholeMessage({ type, sequence: nextMessage, body });
    nextMessage += 1;
    return whole;
  };
  const said = (type: number, body: Buffer): readonly Spoken[] =>
    breach.say?.({ type, body }, { transcript, clientRandom: randoms.client, serverRandom: randoms.server, finished }) ?? [{ type, body }];

  let secret: KeyObject | null = null;
  const finished = (sender: DtlsRole, over: readonly Buffer[]): Buffer => {
    if (secret === null || keys === null) throw new Error('there is no master secret');
    return finishedOf(keys.suite, secret, sender, over);
  };

  const association: Association = {
    async next() {
      for (;;) {
        const message = inbox.shift();
        if (message !== undefined) return message;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    say(type, body) {
      for (const spoken of said(type, body)) {
        const whole = utter(spoken);
        transcript.push(whole);
        out(CONTENT.handshake, whole);
      }
    },
    ask(type, body) {
      for (const spoken of said(type, body)) out(CONTENT.handshake, utter(spoken));
    },
    hear: (message) => void transcript.push(wholeMessage(message)),
    setKeys(suite, both) {
      keys = { suite, keys: both };
      openSealed();
    },
    finish() {
      if (keys === null) throw new Error('there are no keys');
      out(CONTENT.changeCipherSpec, Buffer.from([1]));
      const { suite } = keys;
      for (const spoken of said(MESSAGE.finished, finished(role, transcript))) {
        const whole = utter(spoken);
        transcript.push(whole);
        outbox.push(protectRecord(suite, keys.keys[role], CONTENT.handshake, 1, 0, whole));
      }
    },
    flush() {
      for (const datagram of outbox.splice(0)) socket.send(datagram, remotePort, '127.0.0.1');
    }
  };

  const agree = (suite: CipherSuite, share: Pick<KeyShare, 'agree'>, remoteShare: Buffer): void => {
    secret = extendedMasterSecret(suite, share.agree(remoteShare), transcript);
    association.setKeys(suite, trafficKeys(suite, secret, randoms.client, randoms.server));
  };
  const shareOf = (group: Group): Pick<KeyShare, 'share' | 'agree'> => breach.keyShare ?? createKeyShare(group);
  const policy: Policy = breach.group === 'P-256' ? FIPS_POLICY : STANDARD_POLICY;
  const signature = (data: Buffer): Buffer => writeSigned(sign('sha256', data, breach.privateKey ?? own.privateKey));
  const groupOf = (id: number): Group => {
    const group = STANDARD_POLICY.groups.find((known) => known.id === id);
    if (group === undefined) throw new Error('the server chose another group');
    return group;
  };
  /** Until a message of that type, which is heard too. */
  const hearUntil = async (type: number): Promise<HandshakeMessage[]> => {
    for (const heard: HandshakeMessage[] = []; ; ) {
      const message = await association.next();
      association.hear(message);
      heard.push(message);
      if (message.type === type) return heard;
    }
  };
  const bodyOf = (heard: readonly HandshakeMessage[], type: number): Buffer => {
    const message = heard.find((candidate) => candidate.type === type);
    if (message === undefined) throw new Error(`the other side left message ${type} out`);
    return message.body;
  };

  const beClient = async (): Promise<void> => {
    association.ask(MESSAGE.clientHello, writeClientHello(randoms.client, Buffer.alloc(0), policy));
    association.flush();
    const request = await association.next();
    association.say(MESSAGE.clientHello, writeClientHello(randoms.client, readHelloVerifyRequest(request.body), policy));
    association.flush();
    const heard = await hearUntil(MESSAGE.serverHelloDone);
    const hello = readServerHello(bodyOf(heard, MESSAGE.serverHello));
    const exchange = readServerKeyExchange(bodyOf(heard, MESSAGE.serverKeyExchange));
    const suite = STANDARD_POLICY.suites.find(({ id }) => id === hello.suite);
    if (suite === undefined) throw new Error('the server chose another suite');
    hello.random.copy(randoms.server);
    const share = shareOf(groupOf(exchange.group));
    association.say(MESSAGE.certificate, writeCertificate(own.certificateDer));
    association.say(MESSAGE.clientKeyExchange, writeClientKeyExchange(share.share));
    agree(suite, share, exchange.share);
    association.say(MESSAGE.certificateVerify, signature(Buffer.concat(transcript)));
    association.finish();
    association.flush();
    await hearUntil(MESSAGE.finished);
  };

  const beServer = async (): Promise<void> => {
    await association.next();
    association.ask(MESSAGE.helloVerifyRequest, writeHelloVerifyRequest(COOKIE));
    association.flush();
    const [hello] = await hearUntil(MESSAGE.clientHello);
    if (hello === undefined || SUITE === undefined) throw new Error('there is nothing to choose from');
    const { random, extensions } = readClientHello(hello.body);
    random.copy(randoms.client);
    const group = policy.groups[0] ?? groupOf(0);
    const share = shareOf(group);
    const parameters = writeParameters(group.id, share.share);
    association.say(MESSAGE.serverHello, writeServerHello(randoms.server, SUITE.id, SRTP_PROFILE, extensions.has(11)));
    association.say(MESSAGE.certificate, writeCertificate(own.certificateDer));
    association.say(MESSAGE.serverKeyExchange, Buffer.concat([parameters, signature(Buffer.concat([randoms.client, randoms.server, parameters]))]));
    association.say(MESSAGE.certificateRequest, writeCertificateRequest());
    association.say(MESSAGE.serverHelloDone, Buffer.alloc(0));
    association.flush();
    const heard = await hearUntil(MESSAGE.clientKeyExchange);
    agree(SUITE, share, readClientKeyExchange(bodyOf(heard, MESSAGE.clientKeyExchange)));
    await hearUntil(MESSAGE.finished);
    association.finish();
    association.flush();
  };

  return {
    port: socket.address().port,
    run(serverPort = 0) {
      remotePort = serverPort;
      return role === 'client' ? beClient() : beServer();
    },
    [Symbol.asyncDispose]: () => closeSocket(socket)
  };
}
