// Set-up: from placing a call, and from answering one, to the first picture of the other side on the display; beside Chromium calling Chromium.
// Rooms and Chromium take turns within one run, so that whatever else the machine does meets both.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Spread, spread, table } from './figures.ts';
import { type ChromiumPair, firstFrameAfter, postFromPage, type RoomPair, settled, startChromiumPair, startRoomPair, until } from './sides.ts';

const STAGES = ['invitation arrived', 'answer arrived', 'secured (called room)', 'secured (calling room)', 'first picture'] as const;
type Stage = (typeof STAGES)[number];

export type SetupResult = {
  /** All in milliseconds. */
  readonly placing: { readonly rooms: Spread; readonly chromium: Spread; readonly ratio: number };
  readonly answering: { readonly rooms: Spread; readonly chromium: Spread; readonly ratio: number };
  /** Milliseconds after placing, medians. */
  readonly stages: Readonly<Record<Stage, number>>;
};

export async function benchSetup(runs: number, say: (line: string) => void): Promise<SetupResult> {
  await using chromium = await startChromiumPair();
  const placing = await interleaved('placing', runs, say, chromium, true);
  const answering = await interleaved('answering', runs, say, chromium, false);
  const stages = Object.fromEntries(STAGES.map((stage) => [stage, spread(placing.stages.map((each) => each[stage])).median])) as Record<Stage, number>;
  const beside = ({ rooms, alone }: Interleaved) => {
    const [here, there] = [spread(rooms), spread(alone)];
    return { rooms: here, chromium: there, ratio: here.median / there.median };
  };
  return { placing: beside(placing), answering: beside(answering), stages };
}

type Interleaved = { readonly rooms: number[]; readonly alone: number[]; readonly stages: Record<Stage, number>[] };

async function interleaved(what: string, runs: number, say: (line: string) => void, chromium: ChromiumPair, autoAnswer: boolean): Promise<Interleaved> {
  await using pair = await startRoomPair({ autoAnswer });
  const everything = [...pair.rooms.rooms.map(({ agentPid }) => agentPid), ...[...pair.displays, ...chromium.browsers].map(({ pid }) => pid)];
  const result: Interleaved = { rooms: [], alone: [], stages: [] };
  // The first of each is a rehearsal: programs are read from disk and compiled.
  for (let run = 0; run <= runs; run++) {
    await settled(everything);
    const rooms = autoAnswer ? await placeAndWait(pair) : { ms: await answerAndWait(pair), stages: null };
    await pair.end();
    await settled(everything);
    const { callerMs } = await chromium.place();
    await chromium.end();
    say(`${what} ${run === 0 ? 'rehearsal' : `${run} of ${runs}`}: rooms ${rooms.ms.toFixed(0)} ms, Chromium ${callerMs.toFixed(0)} ms`);
    if (run === 0) continue;
    result.rooms.push(rooms.ms);
    result.alone.push(callerMs);
    if (rooms.stages !== null) result.stages.push(rooms.stages);
  }
  return result;
}

async function placeAndWait({ rooms, displays }: RoomPair): Promise<{ ms: number; stages: Record<Stage, number> }> {
  const placed = await postFromPage(displays[0], '/api/v1/calls', { to: rooms.rooms[1].account, media: { audio: true, video: true } });
  const ms = (await firstFrameAfter(displays[0], placed.atMs)) - placed.atMs;
  const [caller, callee] = await Promise.all(rooms.rooms.map(({ folder }) => phases(join(folder, 'logs'), placed.wallMs)));
  const since = (times: ReadonlyMap<string, number> | undefined, ...names: string[]): number =>
    Math.min(...names.map((name) => times?.get(name) ?? Number.NaN).filter((time) => !Number.isNaN(time))) - placed.wallMs;
  const stages = {
    'invitation arrived': since(callee, 'ringing', 'connecting'),
    'answer arrived': since(caller, 'connecting'),
    'secured (called room)': since(callee, 'connected'),
    'secured (calling room)': since(caller, 'connected'),
    'first picture': ms
  };
  return { ms, stages };
}

/** It rings until nothing moves any more; then somebody touches Answer. */
async function answerAndWait({ rooms, displays }: RoomPair): Promise<number> {
  const id = await rooms.placeCall({ answer: false });
  await rooms.waitFor('both sides ring', (states) => states.every(({ call }) => call?.phase === 'ringing'));
  await until('the display shows who calls', async () => ((await displays[1].page.locator('[data-scene="ringing"]').count()) > 0 ? true : null));
  await settled([...rooms.rooms.map(({ agentPid }) => agentPid), ...displays.map(({ pid }) => pid)]);
  const answered = await postFromPage(displays[1], `/api/v1/calls/${id}/answer`, {});
  return (await firstFrameAfter(displays[1], answered.atMs)) - answered.atMs;
}

/** When the call came to each phase, milliseconds since 1970, by the room's log. */
async function phases(folder: string, sinceMs: number): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  for (const file of await readdir(folder)) {
    for (const line of (await readFile(join(folder, file), 'utf8')).split('\n')) {
      if (!line.includes('"message":"call"')) continue;
      const { time, phase } = JSON.parse(line) as { time: string; phase: string };
      if (Date.parse(time) >= sinceMs && !times.has(phase)) times.set(phase, Date.parse(time));
    }
  }
  return times;
}

export function setupReport({ placing, answering, stages }: SetupResult): string {
  const row = (name: string, { runs, min, median, max }: Spread, ratio: number | null): string[] => [
    name,
    String(runs),
    ...[min, median, max].map((ms) => ms.toFixed(0)),
    ratio === null ? '' : ratio.toFixed(2)
  ];
  return [
    table(
      ['milliseconds to the first picture', 'runs', 'min', 'median', 'max', 'ratio'],
      [
        row('rooms: placed, answered by itself', placing.rooms, placing.ratio),
        row('Chromium: createOffer, beside it', placing.chromium, null),
        row('rooms: Answer touched', answering.rooms, answering.ratio),
        row('Chromium: createOffer, beside it', answering.chromium, null)
      ]
    ),
    '',
    table(
      ['where the time goes', 'ms after placing (median)'],
      STAGES.map((stage) => [stage, stages[stage].toFixed(0)])
    )
  ].join('\n');
}
