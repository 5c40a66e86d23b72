// After a call: its security code, nonces and keys are nowhere: not in the agents' heaps, not in logs, files or what the rooms still tell.
// For each place there is a control that the same search finds what it looks for while it is there.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { bodyOf, createHostileBroker, type HostileBroker } from '../harness/hostile-broker.ts';
import { isRunning, mediaProcessesOf, openFilesOf, udpPortsOf } from '../harness/processes.ts';
import { bothEnded, startTwoRooms, type TestRoom, type TwoRooms } from '../harness/two-rooms.ts';

type Secrets = { readonly codes: readonly string[]; readonly nonces: readonly string[] };

const spellings = (code: string): string[] => [code, code.replaceAll(' ', ''), code.replaceAll(' ', '-'), code.replaceAll(' ', '\u00a0')];

/** What of the secrets is in the bytes: as text in one or two bytes a character, and nonces as they are. */
function foundIn(bytes: Buffer, { codes, nonces }: Secrets): string[] {
  const found: string[] = [];
  const look = (what: string, needle: Buffer): void => {
    if (bytes.includes(needle)) found.push(what);
  };
  for (const code of codes.flatMap(spellings)) {
    look('a code', Buffer.from(code, 'utf8'));
    look('a code', Buffer.from(code, 'utf16le'));
  }
  for (const nonce of nonces) {
    look('a nonce', Buffer.from(nonce, 'latin1'));
    look('a nonce', Buffer.from(nonce, 'utf16le'));
    look('a nonce', Buffer.from(nonce, 'hex'));
    look('a nonce', Buffer.from(Buffer.from(nonce, 'hex').toString('base64')));
  }
  return found;
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Everything that can be reached in the agent's heap, after a full collection. */
async function heapOf(room: TestRoom, folder: string): Promise<Buffer> {
  const before = new Set(await readdir(folder));
  room.agent.kill('SIGUSR2');
  for (;;) {
    await pause(200);
    const [name] = (await readdir(folder)).filter((file) => !before.has(file) && file.endsWith(`.heapsnapshot`) && file.includes(`.${room.agentPid}.`));
    if (name === undefined) continue;
    const path = join(folder, name);
    // It is whole when the process has closed it.
    if ((await openFilesOf(room.agentPid)).includes(path)) continue;
    const heap = await readFile(path);
    if (heap.subarray(-16).toString().trimEnd().endsWith('}')) return heap;
  }
}

const noncesIn = (broker: HostileBroker, type: string): string[] =>
  broker.seen
    .filter((message) => message.type === type)
    .map((message) => {
      const body = bodyOf(message) as { nonce?: string; encryption?: { nonce?: string } };
      return body.nonce ?? body.encryption?.nonce ?? '';
    });

/** Reads a room's server-sent events for a moment, from where an earlier reader had stopped. */
async function eventsSince(room: TestRoom, lastEventId: string | null, forMs: number): Promise<{ text: string; lastId: string | null }> {
  const response = await fetch(`${room.url}/api/v1/events`, {
    headers: lastEventId === null ? {} : { 'last-event-id': lastEventId },
    signal: AbortSignal.timeout(forMs)
  });
  let text = '';
  try {
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString('utf8');
  } catch {
    // The time is over.
  }
  return { text, lastId: [...text.matchAll(/^id: ?(.+)$/gm)].at(-1)?.[1] ?? null };
}

describe('after a call', function () {
  this.timeout(240_000);
  let broker: HostileBroker;
  let pair: TwoRooms;
  let folder: string;
  let secrets: Secrets;
  let mediaProcesses: number[];
  let seenInCall: { text: string; lastId: string | null };
  let heapInCall: Buffer;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-privacy-'));
    await Promise.all(['snapshots', 'tmp'].map((name) => mkdir(join(folder, name))));
    broker = createHostileBroker();
    pair = await startTwoRooms({
      makeBroker: broker.make,
      nodeFlags: ['--heapsnapshot-signal=SIGUSR2', `--diagnostic-dir=${join(folder, 'snapshots')}`],
      env: () => ({ TMPDIR: join(folder, 'tmp') }),
      config: () => ({ log: { level: 'debug' }, call: { reconnectTimeoutMs: 30_000 } })
    });
    await pair.placeCall();
    const codes: string[] = [];
    const keepCode = async (): Promise<void> => {
      const { call } = (await pair.states())[0];
      if (call?.encryption.securityCode != null) codes.push(call.encryption.securityCode);
    };
    await keepCode();
    // A second code in the same call, so that there is one that was blanked while the call went on.
    const lost = await pair.rooms[1].callProcess();
    if (lost !== null) process.kill(lost, 'SIGKILL');
    await pair.waitFor('another code', (now) =>
      now.every(({ call }) => call?.encryption.securityCode != null && call.encryption.securityCode !== codes[0] && call.media.video.framesReceived > 0)
    );
    await keepCode();
    await pair.rooms[0].act('codes-match');
    await pair.waitFor(
      'confirmed',
      ([caller, callee]) => caller.call?.encryption.state === 'end-to-end-verified' && callee.call?.encryption.codesMatchThere === true
    );
    secrets = { codes, nonces: [...noncesIn(broker, 'call.answer'), ...noncesIn(broker, 'call.reveal')] };
    seenInCall = await eventsSince(pair.rooms[0], null, 1_500);
    heapInCall = await heapOf(pair.rooms[0], join(folder, 'snapshots'));
    mediaProcesses = (await Promise.all(pair.rooms.map(({ agentPid }) => mediaProcessesOf(agentPid)))).flat();
    await pair.rooms[0].act('end');
    await pair.waitFor('both ended', bothEnded);
  });

  after(async () => {
    await pair?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it('control: in the call there were two codes and four nonces, and the searches find what is there', () => {
    assert.deepEqual([secrets.codes.length, new Set(secrets.codes).size], [2, 2]);
    assert.equal(new Set(secrets.nonces).size, 4);
    assert.ok(secrets.nonces.every((nonce) => /^[0-9a-f]{64}$/.test(nonce)));
    assert.ok(foundIn(heapInCall, { codes: secrets.codes.slice(1), nonces: [] }).includes('a code'), 'the heap of an agent in the call');
    assert.deepEqual(foundIn(heapInCall, { codes: secrets.codes.slice(0, 1), nonces: [] }), [], 'a code that was blanked is in the heap');
    assert.ok(foundIn(Buffer.from(seenInCall.text), secrets).includes('a code'), 'the events in the call');
    for (const spelling of [secrets.codes[0] ?? '', (secrets.codes[0] ?? '').replaceAll(' ', '')]) {
      assert.ok(foundIn(Buffer.from(`x${spelling}x`), secrets).length > 0);
      assert.ok(foundIn(Buffer.from(`x${spelling}x`, 'utf16le'), secrets).length > 0);
    }
    for (const encoding of ['hex', 'base64'] as const)
      assert.deepEqual(foundIn(Buffer.from(Buffer.from(secrets.nonces[0] ?? '', 'hex').toString(encoding)), secrets), ['a nonce']);
  });

  it('neither code nor nonce can be reached in the heap of either agent', async () => {
    for (const room of pair.rooms) assert.deepEqual(foundIn(await heapOf(room, join(folder, 'snapshots')), secrets), [], room.name);
  });

  it('nothing that a room still tells has them', async () => {
    for (const room of pair.rooms) {
      for (const path of ['/api/v1/state', '/metrics', '/healthz']) {
        const response = await fetch(`${room.url}${path}`);
        assert.equal(response.status, 200);
        assert.deepEqual(foundIn(Buffer.from(await response.text()), secrets), [], path);
      }
    }
    const { text } = await eventsSince(pair.rooms[0], seenInCall.lastId, 1_000);
    assert.ok(text.length > 0);
    assert.deepEqual(foundIn(Buffer.from(text), secrets), [], 'to a reader that comes back');
  });

  it('the media processes are gone, and the ones that are ready for the next call can leave no core file', async () => {
    const deadline = performance.now() + 3_000;
    const spares = new Set((await Promise.all(pair.rooms.map(({ agentPid }) => mediaProcessesOf(agentPid)))).flat());
    for (const pid of mediaProcesses)
      while ((await isRunning(pid)) && (await udpPortsOf(pid)).length > 0) assert.ok(performance.now() < deadline, `${pid} still runs`);
    assert.ok(spares.size > 0);
    for (const pid of spares) {
      assert.match(await readFile(`/proc/${pid}/limits`, 'utf8'), /^Max core file size +0 +0 /m);
      assert.ok(!(await readFile(`/proc/${pid}/environ`, 'utf8')).includes('NODE_OPTIONS'));
    }
  });

  it('no file has them, nor any key but the identity’s own: logs, data, temporary files, shared memory', async () => {
    const identityKeys = pair.rooms.map((room) => join(room.folder, 'identity', 'key.pem'));
    const places = [...pair.rooms.map((room) => room.folder), join(folder, 'tmp'), '/dev/shm'];
    const files = (await Promise.all(places.map(filesBelow))).flat();
    const read = await Promise.all(files.map(async (path) => ({ path, bytes: await readFile(path).catch(() => Buffer.alloc(0)) })));
    for (const { path, bytes } of read) {
      assert.deepEqual(foundIn(bytes, secrets), [], path);
      if (!identityKeys.includes(path)) assert.ok(!bytes.includes('PRIVATE KEY'), path);
    }
    assert.ok(
      identityKeys.every((path) => read.some((file) => file.path === path && file.bytes.includes('BEGIN PRIVATE KEY'))),
      'control'
    );
    assert.ok(
      read.some(({ path, bytes }) => path.includes('/logs/') && bytes.includes('"call"')),
      'control: the logs tell of the call'
    );
    assert.deepEqual(await filesBelow(join(folder, 'tmp')), []);
    for (const room of pair.rooms) {
      const written = Buffer.from(room.stderr());
      assert.ok(written.includes('"phase":"ended"'), 'control: standard error tells of the call');
      assert.deepEqual(foundIn(written, secrets), [], `standard error of ${room.name}`);
      // Session descriptions hold the ICE password.
      assert.doesNotMatch(room.stderr(), /PRIVATE KEY|a=fingerprint|a=ice-pwd|ice-ufrag/);
    }
  });

  it('and when the rooms have stopped, the same', async () => {
    for (const room of pair.rooms) await room.stop();
    for (const room of pair.rooms) {
      for (const path of await filesBelow(room.folder)) assert.deepEqual(foundIn(await readFile(path), secrets), [], path);
      assert.deepEqual(foundIn(Buffer.from(room.stderr()), secrets), []);
    }
  });
});
