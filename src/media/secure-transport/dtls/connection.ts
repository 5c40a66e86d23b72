// One DTLS 1.2 association over a path of datagrams: the handshake's state machine with timers, records and keys around it.
// Invariants: after the handshake nothing in plain text is listened to; a record is taken once; what does not authenticate is dropped in silence;
// after a failure or close() nothing is sent, taken or remembered.
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { Clock, Timer } from '../../../kernel/clock.ts';
import { CloisterError } from '../../../kernel/errors.ts';
import type { Log } from '../../../kernel/log.ts';
import { createReplayWindow } from '../replay-window.ts';
import { belongsInEpoch, createReassembler, fragmentsOf, readFragments, wholeMessage } from './fragments.ts';
import {
  asksAgain,
  awaitsFinished,
  type Bindings,
  beginClient,
  beginServer,
  exportKeyingMaterial,
  type Flight,
  FORGOTTEN,
  type HandshakeConfig,
  type HandshakeState,
  keyLogLine,
  MAX_WAIT_MS,
  type Proven,
  proven,
  receive,
  repeated,
  type Step,
  timeout
} from './handshake.ts';
import { createKeyShare } from './key-exchange.ts';
import type { DirectionKeys } from './key-schedule.ts';
import { type DtlsRecord, PROTECTION_BYTES, plainRecord, protectRecord, RECORD_HEADER_BYTES, readRecords, unprotectRecord } from './records.ts';
import {
  ALERT,
  type AlertName,
  alertName,
  type CipherSuite,
  CONTENT,
  FIPS_POLICY,
  type Group,
  MESSAGE,
  type SrtpProfile,
  STANDARD_POLICY
} from './registry.ts';

export type DtlsRole = 'client' | 'server';

export type DtlsOptions = {
  readonly role: DtlsRole;
  readonly certificate: { readonly certificateDer: Uint8Array; readonly privateKey: KeyObject };
  /** SHA-256 of the only certificate that the peer may present: 32 bytes. */
  readonly remoteThumbprint: Uint8Array;
  /** Who the two endpoints are (RFC 8844); nothing where the other side is no room. */
  readonly bindings?: Bindings | null;
  /** Approved algorithms only (R10). */
  readonly fips: boolean;
  /** Of the path, as ICE measured it; null where it is not known. */
  readonly roundTripMs: number | null;
  readonly clock: Clock;
  readonly log: Log;
  send(datagram: Buffer): void;
  /** Once, after the handshake: the other side closed the association, authenticated. */
  closed?(error: CloisterError): void;
  /** Called with each authenticated record. */
  heard?(): void;
  /** For tests: a line of an NSS key log. Nothing in the product hands this in. */
  readonly keyLog?: (line: string) => void;
};

export type Established = {
  /** SHA-256 of the certificate that the peer proved to hold the key of: 32 bytes. */
  readonly remoteThumbprint: Uint8Array;
  readonly suite: CipherSuite['name'];
  readonly group: Group['name'];
  readonly srtpProfile: SrtpProfile['name'];
  /** RFC 5705, without context. Holds the master secret until it is dropped. */
  exportKeyingMaterial(label: string, lengthBytes: number): Buffer;
};

export type DtlsConnection = {
  /**
   * Begins, once; settles once.
   * @throws CloisterError CL_SECURITY_HANDSHAKE, CL_SECURITY_FINGERPRINT, CL_MEDIA_CONNECT; CL_INTERNAL at once where it was begun or closed before
   */
  run(): Promise<Established>;
  /** Takes a datagram. @param from the sender's address, which the cookie is bound to */
  receive(datagram: Buffer, from: string): void;
  /** Sends close_notify where there is somebody to hear it, and forgets the keys. */
  close(): void;
};

const HANDSHAKE_LIMIT_MS = 30_000;
const MIN_FIRST_WAIT_MS = 50;
const MAX_FIRST_WAIT_MS = 1_000;
/** Of a datagram's content: passes every path that WebRTC is used on. */
const PATH_BYTES = 1_200;
/** What every IPv4 path carries, for a flight that got no answer twice: it may have been too large (RFC 6347 section 4.1.1.1). */
const CAREFUL_PATH_BYTES = 548;
const CAREFUL_AFTER_TIMEOUTS = 2;
const MAX_EARLY_RECORDS = 8;
const REPLAY_WINDOW = 64;
/** A plain alert can come from anybody. It is believed when nothing else follows it for so long, in which our flight was repeated. */
const ALERT_GRACE_MS = 2 * MAX_WAIT_MS;
/** A record number that a client may make the server begin with. */
const MAX_ECHOED_SEQUENCE = 2 ** 32;
const WARNING = 1;
const FATAL = 2;

export function createDtlsConnection(options: DtlsOptions): DtlsConnection {
  const { role, clock, log } = options;
  const config: HandshakeConfig = {
    certificateDer: options.certificate.certificateDer,
    privateKey: options.certificate.privateKey,
    remoteThumbprint: options.remoteThumbprint,
    bindings: options.bindings ?? null,
    policy: options.fips ? FIPS_POLICY : STANDARD_POLICY,
    nowMs: clock.now(),
    firstWaitMs: firstWaitMs(options.roundTripMs),
    random: () => randomBytes(32),
    createKeyShare,
    cookieSecret: createSecretKey(randomBytes(32))
  };
  const window = createReplayWindow(REPLAY_WINDOW);
  const early: DtlsRecord[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<Established>();
  let state: HandshakeState = beginServer();
  let reassembler = createReassembler(role === 'client' ? 0 : null);
  let keys: { readonly suite: CipherSuite; readonly read: DirectionKeys; readonly write: DirectionKeys } | null = null;
  let writeEpoch: 0 | 1 = 0;
  const nextSequence: [number, number] = [0, 0];
  let begun = false;
  let established = false;
  let over = false;
  let waitTimer: Timer | null = null;
  let alertTimer: Timer | null = null;
  let limitTimer: Timer | null = null;
  let answeredAtMs = Number.NEGATIVE_INFINITY;
  let renegotiationRefused = false;
  let helloFrom = '';

  const end = (): void => {
    over = true;
    for (const timer of [waitTimer, alertTimer, limitTimer]) timer?.cancel();
    state = FORGOTTEN;
    keys = null;
    early.length = 0;
  };
  const fail = (error: CloisterError, alert?: AlertName): void => {
    if (over) return;
    if (alert !== undefined) sendAlert(FATAL, alert);
    end();
    if (established) options.closed?.(error);
    else reject(error);
  };

  const transmit = (datagram: Buffer): void => {
    try {
      options.send(datagram);
    } catch (error) {
      // As if it were lost on the way.
      log.debug('a datagram was not sent', { error: String(error) });
    }
  };
  const record = (type: number, epoch: 0 | 1, content: Uint8Array): Buffer => {
    const sequence = nextSequence[epoch];
    nextSequence[epoch] += 1;
    if (epoch === 0) return plainRecord(type, sequence, content);
    if (keys === null) throw new CloisterError('CL_INTERNAL', 'a protected record has no key');
    return protectRecord(keys.suite, keys.write, type, 1, sequence, content);
  };
  const sendAlert = (level: number, name: AlertName): void => transmit(record(CONTENT.alert, writeEpoch, Buffer.from([level, ALERT[name]])));

  const sendFlight = (flight: Flight): void => {
    const limitBytes = state.timeouts >= CAREFUL_AFTER_TIMEOUTS ? CAREFUL_PATH_BYTES : PATH_BYTES;
    const records = flight.flatMap((part) => {
      if (part === 'change-cipher-spec') {
        writeEpoch = 1;
        return [record(CONTENT.changeCipherSpec, 0, Buffer.from([1]))];
      }
      const room = limitBytes - RECORD_HEADER_BYTES - (part.epoch === 0 ? 0 : PROTECTION_BYTES);
      return fragmentsOf(part.message, room).map((fragment) => record(CONTENT.handshake, part.epoch, fragment));
    });
    for (const datagram of packed(records, limitBytes)) transmit(datagram);
  };

  const apply = (step: Step, helloSequence = 0): void => {
    const before = state;
    state = step.state;
    if (step.keys !== undefined) {
      const { suite, keys: both } = step.keys;
      keys = role === 'client' ? { suite, read: both.server, write: both.client } : { suite, read: both.client, write: both.server };
      if ('keyed' in state) options.keyLog?.(keyLogLine(state));
    }
    if (step.reply !== undefined) transmit(plainRecord(CONTENT.handshake, helloSequence, wholeMessage(step.reply)));
    // RFC 6347 section 4.2.1: numbered as the ClientHello was, since the HelloVerifyRequest before it was counted by nobody.
    if (before.phase === 'client-hello' && state.phase !== 'client-hello') nextSequence[0] = Math.min(helloSequence, MAX_ECHOED_SEQUENCE);
    if (step.failed !== undefined) {
      fail(step.failed.error, step.failed.alert);
      return;
    }
    if (step.flight !== undefined) sendFlight(step.flight);
    if (step.flight !== undefined || state.waitMs === null) wait();
    const found = proven(state);
    if (found !== null && !established) establish(found);
  };
  const wait = (): void => {
    waitTimer?.cancel();
    waitTimer = state.waitMs === null ? null : clock.schedule(state.waitMs, () => apply(timeout(state, config)));
  };
  const establish = ({ suite, group, srtpProfile }: Proven): void => {
    established = true;
    for (const timer of [alertTimer, limitTimer]) timer?.cancel();
    const connected = state;
    resolve({
      remoteThumbprint: new Uint8Array(options.remoteThumbprint),
      suite: suite.name,
      group: group.name,
      srtpProfile: srtpProfile.name,
      exportKeyingMaterial: (label, lengthBytes) => exportKeyingMaterial(connected, label, lengthBytes)
    });
  };

  const takeHandshake = (content: Buffer, { epoch, sequence: recordSequence }: DtlsRecord, from: string): void => {
    for (const fragment of readFragments(content) ?? []) {
      if (!belongsInEpoch(fragment.type, epoch)) {
        if (established) refuseRenegotiation();
        continue;
      }
      // Never part of the handshake (RFC 5246 section 7.4.1.1).
      if (fragment.type === MESSAGE.helloRequest) continue;
      if (reassembler.isPast(fragment.sequence)) {
        const complete = fragment.offset + fragment.data.length === fragment.length;
        if (complete && asksAgain(state, fragment.type)) answerAgain();
        continue;
      }
      if (epoch === 0 && awaitsFinished(state)) continue;
      // A server may ask for a cookie again, but not before it was asked for the one before: that is somebody else's question, answered to this side.
      if (fragment.type === MESSAGE.helloVerifyRequest && !reassembler.isTurn(fragment.sequence)) continue;
      if (state.phase === 'client-hello' && from !== helloFrom) {
        // Pieces of different senders make no hello.
        helloFrom = from;
        reassembler = createReassembler(null);
      }
      reassembler.take(fragment);
      for (let message = reassembler.next(); message !== null && !over; message = reassembler.next()) {
        unsuspect();
        const step = receive(state, message, from, config);
        if (state.phase === 'client-hello' && step.state.phase !== 'client-hello') reassembler = createReassembler(message.sequence + 1);
        apply(step, recordSequence);
        // Whoever sends many hellos at once sends rubbish.
        if (state.phase === 'client-hello') return;
      }
      if (over) return;
    }
  };
  const answerAgain = (): void => {
    unsuspect();
    const nowMs = clock.monotonicMs();
    // Anybody can repeat a plain message: the answer goes out at most so often.
    if (nowMs - answeredAtMs < config.firstWaitMs / 2) return;
    answeredAtMs = nowMs;
    const { flight } = repeated(state);
    if (flight !== undefined) sendFlight(flight);
  };
  /** RFC 5746 section 4.5: with a warning, and the association goes on. */
  const refuseRenegotiation = (): void => {
    if (renegotiationRefused) return;
    renegotiationRefused = true;
    sendAlert(WARNING, 'no_renegotiation');
  };

  const unsuspect = (): void => {
    alertTimer?.cancel();
    alertTimer = null;
  };
  const takeAlert = (content: Buffer, epoch: number): void => {
    const [level, description] = content;
    if (content.length !== 2 || level === undefined || description === undefined) return;
    if (level !== FATAL && description !== ALERT.close_notify) return;
    const text = `the other side ${established ? 'closed the connection' : 'refused the handshake'}: ${alertName(description)}`;
    const error = new CloisterError(established ? 'CL_MEDIA_LOST' : 'CL_MEDIA_CONNECT', text);
    if (epoch === 1 && description === ALERT.close_notify) sendAlert(WARNING, 'close_notify');
    if (epoch === 1) fail(error);
    else if (state.phase !== 'client-hello') alertTimer ??= clock.schedule(ALERT_GRACE_MS, () => fail(error));
  };

  const takePlain = (plain: DtlsRecord, from: string): void => {
    if (established) return;
    // ChangeCipherSpec says nothing that the epoch of the next record does not say.
    if (plain.type === CONTENT.handshake) takeHandshake(plain.body, plain, from);
    else if (plain.type === CONTENT.alert) takeAlert(plain.body, 0);
  };
  const takeProtected = (protectedRecord: DtlsRecord, from: string): void => {
    if (keys === null) {
      if (early.length < MAX_EARLY_RECORDS) early.push(protectedRecord);
      return;
    }
    if (!window.isNew(protectedRecord.sequence)) return;
    const content = unprotectRecord(keys.suite, keys.read, protectedRecord);
    if (content === null) return;
    window.take(protectedRecord.sequence);
    options.heard?.();
    if (protectedRecord.type === CONTENT.handshake) takeHandshake(content, protectedRecord, from);
    else if (protectedRecord.type === CONTENT.alert) takeAlert(content, 1);
    // Application data has no meaning here: SRTP carries what is said (RFC 5764 section 3).
  };

  return {
    run() {
      if (begun || over) throw new CloisterError('CL_INTERNAL', 'this association was begun before');
      begun = true;
      limitTimer = clock.schedule(HANDSHAKE_LIMIT_MS, () => fail(new CloisterError('CL_MEDIA_CONNECT', 'the handshake was not finished in time')));
      if (role === 'client') apply(beginClient(config));
      return promise;
    },
    receive(datagram, from) {
      if (!begun) return;
      for (const item of readRecords(datagram)) {
        if (over) return;
        if (item.epoch === 0) takePlain(item, from);
        else if (item.epoch === 1) takeProtected(item, from);
        if (keys !== null) for (const waiting of early.splice(0)) if (!over) takeProtected(waiting, from);
      }
    },
    close() {
      if (over) return;
      // In the handshake too: once keys are there, the other side may be connected already.
      if (begun && state.phase !== 'client-hello') sendAlert(WARNING, 'close_notify');
      end();
      if (!established) reject(new CloisterError('CL_MEDIA_CONNECT', 'the connection was closed'));
      // Whoever never began it does not wait for it.
      promise.catch(() => {});
      log.debug('the DTLS association is closed', { role });
    }
  };
}

/** Twice the round trip, within 50 ms and 1 s; 1 s where it is not known (RFC 6347 section 4.2.4.1). */
export function firstWaitMs(roundTripMs: number | null): number {
  return roundTripMs === null ? MAX_FIRST_WAIT_MS : Math.min(Math.max(2 * roundTripMs, MIN_FIRST_WAIT_MS), MAX_FIRST_WAIT_MS);
}

/** Records, in order, in as few datagrams as hold them. */
function packed(records: readonly Buffer[], limitBytes: number): Buffer[] {
  const datagrams: Buffer[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const record of records) {
    if (bytes + record.length > limitBytes) {
      datagrams.push([]);
      bytes = 0;
    }
    datagrams.at(-1)?.push(record);
    bytes += record.length;
  }
  return datagrams.map((parts) => Buffer.concat(parts));
}
