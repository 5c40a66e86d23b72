// What is in a report (docs/adr/0031-reports.md): chosen piece by piece, then redacted by name and form, then searched for the secrets that this room knows of
// itself. What is private and explains no fault (whom people called, their favourites) is left out. An archive larger than is
// allowed has fewer log lines; nothing else is cut.
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { CloisterError } from '../kernel/errors.ts';
import type { CallView, RoomState } from '../room/state.ts';
import type { Diagnosis } from './diagnose.ts';
import { tarOf } from './tar.ts';

export type BundleSources = {
  readonly state: () => RoomState;
  /** As it is in force. */
  readonly config: unknown;
  readonly diagnosis: () => Promise<Diagnosis>;
  /** Oldest first. */
  readonly logLines: () => readonly string[];
  /** Of the agent’s process: how long it runs, how much memory it has. */
  readonly process: () => Readonly<Record<string, string | number>>;
  /** What is certainly secret here: none of it may be in the archive, in whatever text it came. */
  readonly secrets: () => readonly string[];
  readonly redact: { readonly text: (text: string) => string; readonly document: (value: unknown) => unknown };
};

export type BundleHead = { readonly id: string; readonly atMs: number; readonly text: string };

/** Shorter ones would take words out of every sentence. */
const LEAST_SECRET_CHARACTERS = 6;
const REMOVED = '[removed]';
const README = `A report of a Cloister room.

report.json         when it was made, and what the person wrote
state.json          the room as the panel showed it
configuration.json  the configuration in force
checks.json         what cloister doctor found, and the machine
log.jsonl           the latest lines of the log, one JSON object each

Keys, PINs, tokens, security codes and credentials are taken out, and so are the names of whom people called. Addresses and names of
devices are in it, and lines of the log may name other rooms: give it to those alone who look after the room.
`;

const gzipped = promisify(gzip);

/**
 * Whom it is with, who is said to have asked for it, and who is or was to be added, is private; how it is secured, and by which code, is nobody's business but the two rooms'.
 * Named one by one, so that what is added to a call some day is not in it.
 */
function callForReport({ peer, encryption, transfer, referredBy, conference, notAdded, ...call }: CallView): object {
  const { id, direction, phase, heldThere, media, unavailable, recording, autoAnswerAt, placedAt, startedAt, endedAt, ended, mediaEpoch } = call;
  const { state, expected, reason, confirmedBy, codesMatchHere, codesMatchThere, securingAgain } = encryption;
  return {
    ...{ id, direction, phase, heldThere, media, unavailable, recording, autoAnswerAt, placedAt, startedAt, endedAt, ended, mediaEpoch },
    peer: { organisation: peer.organisation, identity: peer.identity },
    transfer: transfer === null ? null : { phase: transfer.phase },
    referred: referredBy !== null,
    conference: conference === null ? null : { phase: conference.phase, host: conference.host },
    notAdded: notAdded !== null,
    encryption: {
      ...{ state, expected, reason, confirmedBy, codesMatchHere, codesMatchThere, securingAgain },
      securityCode: encryption.securityCode === null ? null : REMOVED
    }
  };
}

function stateForReport({ people, call, otherCalls, ...state }: RoomState): object {
  const { version, room, settings, sound, display, admin, certificate, devices, policy, network, health } = state;
  return {
    ...{ version, room, settings, sound, display, admin, certificate, devices, policy, network, health },
    call: call === null ? null : callForReport(call),
    otherCalls: otherCalls.map(callForReport),
    people: { favourites: people.favourites.length, recents: people.recents.length, missedUnseen: people.missedUnseen }
  };
}

/** Also as JSON writes them, and codes without what stands between their groups. */
function spellings(secrets: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const secret of secrets) {
    for (const spelling of [secret, JSON.stringify(secret).slice(1, -1), secret.replaceAll(' ', ''), encodeURIComponent(secret)])
      if (spelling.length >= LEAST_SECRET_CHARACTERS) found.add(spelling);
  }
  // The longest first, so that one that is part of another leaves no rest of it.
  return [...found].sort((a, b) => b.length - a.length);
}

/** @throws CloisterError CL_REPORT_FAILED where it cannot be made small enough */
export async function makeBundle(head: BundleHead, sources: BundleSources, maxBytes: number): Promise<Uint8Array> {
  const { redact } = sources;
  const state = sources.state();
  const checks = await sources.diagnosis().catch((error: unknown) => ({ failed: String(error) }));
  const secrets = spellings([...sources.secrets(), ...codesOf(state), ...codesOf(sources.state())]);
  const clean = (text: string): string => secrets.reduce((result, secret) => result.replaceAll(secret, REMOVED), text);
  const json = (value: unknown): string => clean(`${JSON.stringify(redact.document(value), null, 2)}\n`);
  const at = new Date(head.atMs).toISOString();
  const report = { id: head.id, at, text: head.text, agent: state.version, process: sources.process() };
  const fixed: readonly (readonly [string, string])[] = [
    ['README.txt', README],
    ['report.json', json(report)],
    ['state.json', json(stateForReport(state))],
    ['configuration.json', json(sources.config)],
    ['checks.json', json(checks)]
  ];
  let lines = sources.logLines().map((line) => clean(redact.text(line)));
  for (;;) {
    const texts = [...fixed, ['log.jsonl', lines.map((line) => `${line}\n`).join('')] as const];
    const files = texts.map(([name, text]) => ({ name: `cloister-report-${head.id}/${name}`, content: Buffer.from(text, 'utf8') }));
    const archive = await gzipped(tarOf(files, head.atMs));
    if (archive.length <= maxBytes) return archive;
    if (lines.length === 0) throw new CloisterError('CL_REPORT_FAILED', `The report would be larger than ${maxBytes} bytes (reports.maxBytes).`);
    lines = lines.slice(Math.ceil(lines.length / 2));
  }
}

const codesOf = ({ call, otherCalls }: RoomState): readonly string[] =>
  [...(call === null ? [] : [call]), ...otherCalls].flatMap(({ encryption, parkCode }) => [encryption.securityCode, parkCode]).filter((code) => code !== null);
