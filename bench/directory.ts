// The directory of a room in an organisation of thousands: a real broker holds a signed document of each room; a room that has just started looks for
// one of them by name, and proves all the rest meanwhile. What a search waits for, and what it costs beside.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createServer } from 'node:tls';
import { Aedes } from 'aedes';
import { createKeptFile, removeRemains } from '../src/config/kept-file.ts';
import { signEnvelope } from '../src/identity/envelope.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { silentLog } from '../src/kernel/log.ts';
import { keptPeople } from '../src/people/kept-people.ts';
import { createPeople } from '../src/people/people.ts';
import { EMPTY_BOOK } from '../src/people/people-book.ts';
import { topics } from '../src/signaling/topics.ts';
import { makeWorld, openRoom, until, type World } from '../test/fakes/signaling-world.ts';
import { type Spread, spread, table } from './figures.ts';

const SEARCHES = 10;
const ASK_AGAIN_MS = 500;
const ALL_LIMIT_MS = 300_000;

export type DirectoryResult = {
  readonly rooms: number;
  /** From the first asking for a room by its name, right after the start, until an answer has it; asked again as the panel does. */
  readonly foundMs: number;
  /** Milliseconds of a search once all are known. */
  readonly search: Spread;
  /** Until every document was proven, since the room was started. */
  readonly provenMs: number;
  readonly cpuMs: number;
  /** How long the process did nothing else meanwhile: the panel is served by the same one. */
  readonly heldUpMs: { readonly median: number; readonly p99: number; readonly max: number };
};

const accountOf = (index: number): string => `room-${index}@contoso.example`;
const nameOf = (index: number): string => `Meeting room ${String(index).padStart(5, '0')}`;
const uuid = (index: number): string => `0190f3c2-7d4e-7a31-8c55-${index.toString(16).padStart(12, '0')}`;

async function documentOf(world: World, index: number): Promise<{ readonly endpoint: string; readonly payload: Buffer }> {
  const identity = await world.room(world.contoso, accountOf(index));
  const iat = Math.floor(Date.now() / 1000);
  const { account, endpointId: endpoint } = identity;
  const body = { state: 'online', account, name: nameOf(index), version: '0', bootId: uuid(index), counter: 1 };
  const payload = await signEnvelope(identity, {
    v: 1,
    id: uuid(index),
    type: 'presence',
    from: { account, endpoint },
    to: { account },
    iat,
    exp: iat + 120,
    body
  });
  return { endpoint, payload: Buffer.from(payload) };
}

/** @param rooms at least as many as there are searches */
export async function benchDirectory(rooms: number, say: (line: string) => void): Promise<DirectoryResult> {
  const world = await makeWorld();
  const broker = new Aedes();
  await broker.listen();
  const server = createServer({ key: world.broker.keyPem, cert: world.broker.certificatePem, requestCert: true, rejectUnauthorized: false }, broker.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = await mkdtemp(join(tmpdir(), 'cloister-directory-'));
  try {
    for (let index = 0; index < rooms; index += 1) {
      if (index % 1_000 === 0) say(`${index} of ${rooms} rooms made`);
      const { endpoint, payload } = await documentOf(world, index);
      await new Promise<void>((resolve, reject) =>
        broker.publish({ cmd: 'publish', topic: topics.presence(endpoint), payload, qos: 1, retain: true, dup: false }, (error) =>
          error ? reject(error) : resolve()
        )
      );
    }
    const address = server.address();
    const url = `mqtts://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    await using room = openRoom(world.alice, world.trust, { url, caPem: world.contoso.certificatePem });
    const path = join(folder, 'people.json');
    const file = createKeptFile({ path, schema: keptPeople, empty: EMPTY_BOOK, log: silentLog, onDamaged() {} });
    const { signaling } = room;
    await using people = createPeople({
      self: world.alice.account,
      file,
      removeRemains: () => removeRemains(path),
      signaling,
      clock: systemClock,
      log: silentLog
    });
    await people.start(new AbortController().signal);
    await room.started;
    say('searching');
    const [startedMs, startedCpu] = [performance.now(), process.cpuUsage()];
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    // The last one that the broker hands out.
    const wanted = rooms - 1;
    const has = async (index: number): Promise<boolean> => (await people.search(nameOf(index))).some(({ account }) => account === accountOf(index));
    while (!(await has(wanted))) await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    const foundMs = performance.now() - startedMs;
    await until(() => room.presence.length >= rooms, 'all are proven', ALL_LIMIT_MS);
    delay.disable();
    const { user, system } = process.cpuUsage(startedCpu);
    const provenMs = performance.now() - startedMs;
    const took: number[] = [];
    for (let index = 0; index < SEARCHES; index += 1) {
      const askedMs = performance.now();
      if (!(await has(index))) throw new Error(`${accountOf(index)} is not found`);
      took.push(performance.now() - askedMs);
    }
    const [median, p99, max] = [delay.percentile(50), delay.percentile(99), delay.max].map((ns) => ns / 1e6) as [number, number, number];
    return {
      rooms,
      foundMs,
      search: spread(took),
      provenMs,
      cpuMs: (user + system) / 1_000,
      heldUpMs: { median, p99, max }
    };
  } finally {
    await new Promise<void>((resolve) => broker.close(() => resolve()));
    server.close();
    await rm(folder, { recursive: true, force: true });
  }
}

export function directoryReport({ rooms, foundMs, search, provenMs, cpuMs, heldUpMs }: DirectoryResult): string {
  const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
  return [
    `${rooms} rooms, each with a document of its own; broker and room in one process`,
    table(
      ['', 'median', 'at most'],
      [
        ['search by name, all known', ms(search.median), ms(search.max)],
        ['event loop held up', ms(heldUpMs.median), `${ms(heldUpMs.max)} (p99 ${ms(heldUpMs.p99)})`]
      ]
    ),
    `one found by name ${ms(foundMs)} after the first asking, right after the start`,
    `all proven after ${(provenMs / 1000).toFixed(1)} s, ${(cpuMs / 1000).toFixed(1)} s of CPU, ${(cpuMs / rooms).toFixed(2)} ms a room`
  ].join('\n');
}
