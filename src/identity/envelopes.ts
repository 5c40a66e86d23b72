// The endpoint's envelopes: its identity, whom it trusts and what it has seen, tied together for signaling.
// What was seen survives a restart of the agent in a small file of ids and times, so that a broker cannot make an invite ring again.
// Each id is written before its message is acted on, but not forced to the disk: that would cost each message milliseconds.
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import { CloisterError, hasSystemCode } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { signEnvelope, verifyEnvelope, verifyStatement } from './envelope.ts';
import type { EndpointIdentity, Envelopes, TrustStore } from './port.ts';
import { createReplayCache, type RememberedMessage, type ReplayCache } from './replay-cache.ts';

const LINES_BEFORE_REWRITE = 32_768;
const LINE = /^(\d{1,16}) ([a-z2-7]{26}) ([0-9a-f-]{36})$/;

const lineOf = ({ forgetAtMs, sender, id }: RememberedMessage): string => `${forgetAtMs} ${sender} ${id}\n`;

/** A replay cache whose content is also in a file. @throws CloisterError CL_CONFIG_INVALID when the file cannot be written at the start */
function openJournal(path: string, cache: ReplayCache, clock: Clock, log: Log): ReplayCache & Disposable {
  let file = -1;
  let lines = 0;
  let failed = false;

  function rewrite(): void {
    const nowMs = clock.now();
    const kept = [...cache.entries()].filter((entry) => entry.forgetAtMs > nowMs);
    writeFileSync(`${path}.new`, kept.map(lineOf).join(''), { mode: 0o600 });
    renameSync(`${path}.new`, path);
    if (file >= 0) closeSync(file);
    file = openSync(path, 'a', 0o600);
    lines = kept.length;
  }

  function note(entry: RememberedMessage): void {
    try {
      if (lines >= LINES_BEFORE_REWRITE) rewrite();
      else writeSync(file, lineOf(entry));
      lines += 1;
    } catch (error) {
      // Replays are still refused from memory; what is lost is the memory of a restart.
      if (!failed) log.warn('the file of messages seen cannot be written', { path, error: String(error) });
      failed = true;
    }
  }

  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const nowMs = clock.now();
    for (const line of readExisting(path).split('\n')) {
      const [, forgetAt = '', sender = '', id = ''] = LINE.exec(line) ?? [];
      if (id !== '' && Number(forgetAt) > nowMs) cache.admit(sender, id, Number(forgetAt), nowMs);
    }
    rewrite();
  } catch (cause) {
    throw new CloisterError('CL_CONFIG_INVALID', `${path}, the file of messages seen, cannot be used`, { cause });
  }
  return {
    ...cache,
    admit(sender, id, forgetAtMs, nowMs) {
      const admission = cache.admit(sender, id, forgetAtMs, nowMs);
      if (admission === 'new') note({ sender, id, forgetAtMs });
      return admission;
    },
    [Symbol.dispose]() {
      if (file >= 0) closeSync(file);
      file = -1;
    }
  };
}

function readExisting(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT')) return '';
    throw error;
  }
}

export type EnvelopesOptions = {
  readonly identity: EndpointIdentity;
  readonly trust: TrustStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Where the messages seen are kept across restarts; in memory only where left out. */
  readonly replayFile?: string;
  /** Only for tests of what the people's comparison alone catches: who a message is from is then not proven by anything. */
  readonly acceptUnsigned?: true;
};

/** @throws CloisterError CL_CONFIG_INVALID when `replayFile` cannot be used */
export function openEnvelopes(options: EnvelopesOptions): Envelopes & Disposable {
  const { identity, trust, clock, log } = options;
  const cache = createReplayCache();
  const journal = options.replayFile === undefined ? null : openJournal(options.replayFile, cache, clock, log);
  const seen = journal ?? cache;
  const self = { account: identity.account, endpoint: identity.endpointId };
  const signatures = options.acceptUnsigned ? 'skipped' : 'required';
  if (signatures === 'skipped') log.warn('signatures of signaling messages are not checked: nobody’s identity is proven');
  return {
    signatures,
    seal: (envelope) => signEnvelope(identity, envelope),
    open: (bytes, arrival) => verifyEnvelope(bytes, { ...arrival, trust, self, seen, signatures }),
    openStatement: (bytes, statement) => verifyStatement(bytes, { ...statement, trust, signatures }),
    firstSeenMs: ({ endpoint, id }) => (endpoint === null || id === null ? undefined : seen.firstSeenMs(endpoint, id)),
    [Symbol.dispose]() {
      journal?.[Symbol.dispose]();
    }
  };
}
