// Sound and picture of a call beside Chromium doing the same, in one run and by turns: glass to glass, freezes and gaps of sound through each bad network, and CPU time and
// memory at three sizes. Both kinds of call go through a network of the bench's own (test/harness), also where nothing is wrong with it.
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../src/kernel/clock.ts';
import { TIME_CODE } from '../src/media/source/time-code.ts';
import { type Detour, profiledRooms, startDetour } from '../test/harness/detour.ts';
import { freezesOf } from '../test/harness/freezes.ts';
import { bothWays, createImpairedRelay, type ImpairedRelay } from '../test/harness/impaired-network.ts';
import { IMPAIRMENTS, NO_IMPAIRMENT } from '../test/harness/impairments.ts';
import type { Browser } from './browser.ts';
import { benchCall, type CallResult, callReport } from './call.ts';
import { median, percentile, table } from './figures.ts';
import { type HotSpot, hotSpots } from './hot-spots.ts';
import { installDisplayMeter, installVideoMeter, type Shown } from './meter-page.ts';
import { type ChromiumPair, firstFrameAfter, PROFILE, type Profile, type RoomPair, settled, startChromiumPair, startRoomPair } from './sides.ts';
import { readTimeCode } from './time-code.ts';

const SEED = 1;
const REHEARSED_MS = 15_000;
const WARM_UP_MS = 4_000;
/** For what the bad network changes at once: the rate, the size, the buffers. */
const ADAPT_MS = 4_000;
const SAMPLE_MS = 500;
const SOUND_PACKET_MS = 20;
const SIZES: readonly Profile[] = [
  { width: 640, height: 360, fps: 30 },
  { width: 1280, height: 720, fps: 30 },
  { width: 1920, height: 1080, fps: 30 }
];

/** Of both directions of a call together. */
export type Quality = {
  readonly glassToGlassMs: { readonly pictures: number; readonly unreadable: number; readonly median: number; readonly p95: number };
  readonly freezesPerMinute: number;
  readonly frozenMsPerMinute: number;
  readonly audioGapMsPerMinute: number;
  /** Of the picture, received. */
  readonly kbps: number;
  readonly size: string;
  readonly fps: number;
  /** Positive: the picture is later than the sound. Not known of Chromium. */
  readonly avOffsetMs: { readonly min: number; readonly median: number; readonly max: number } | null;
};

export type MediaResult = {
  readonly seconds: number;
  readonly networks: readonly { readonly name: string; readonly room: Quality; readonly chromium: Quality; readonly glassToGlassRatio: number }[];
  readonly costs: readonly CallResult[];
  readonly profile: { readonly folder: string; readonly busyPercent: number; readonly spots: readonly HotSpot[] } | null;
};

export type MediaBenchOptions = {
  readonly seconds: number;
  /** Part of the name of a network or a size (`360p`); everything where it is empty. */
  readonly only: string;
  readonly profile: boolean;
};

export async function benchMedia({ seconds, only, profile }: MediaBenchOptions, say: (line: string) => void): Promise<MediaResult> {
  const networks = IMPAIRMENTS.filter(({ name }) => name.includes(only));
  const sizes = SIZES.filter(({ height }) => `${height}p`.includes(only));
  if (networks.length + sizes.length === 0) throw new TypeError(`no network and no size is named ${JSON.stringify(only)}`);
  const compared = networks.length === 0 ? [] : await benchNetworks(networks, seconds, say);
  const costs: CallResult[] = [];
  for (const size of sizes) {
    say(`${size.width}x${size.height}`);
    costs.push(await benchCall(1, seconds, say, size));
  }
  return { seconds, networks: compared, costs, profile: profile ? await profileCall(seconds, say) : null };
}

// ── through bad networks ────────────────────────────────────────────────────────────────────────────────────────────────

/** A call that is being watched; both ends at once. */
type Watched = { readonly pages: readonly Browser[]; look(): Promise<readonly Look[]> };
/** At one end, counted since the call began. */
type Look = {
  readonly audioGapsMs: number;
  readonly receivedBytes: number | null;
  readonly kbps: number | null;
  readonly size: string;
  readonly avOffsetMs: number | null;
};

async function benchNetworks(networks: typeof IMPAIRMENTS, seconds: number, say: (line: string) => void): Promise<MediaResult['networks']> {
  const perfect = { seed: SEED, clock: systemClock, from: bothWays(NO_IMPAIRMENT) };
  await using started = new AsyncDisposableStack();
  const detour: Detour = started.use(await startDetour(perfect));
  const relay: ImpairedRelay = started.use(await createImpairedRelay(perfect));
  const rooms = started.use(await startRoomPair({ autoAnswer: true, timeCode: true, processes: detour.rooms }));
  const chromium = started.use(await startChromiumPair({ timeCode: true, network: relay }));
  for (const { page } of [...rooms.displays, ...chromium.browsers]) await page.evaluate(`window.readTimeCode = ${readTimeCode}`);
  for (const { page } of rooms.displays) await page.evaluate(installDisplayMeter, TIME_CODE);
  for (const { page } of chromium.browsers) await page.evaluate(installVideoMeter, TIME_CODE);
  const everything = [...rooms.rooms.rooms.map(({ agentPid }) => agentPid), ...[...rooms.displays, ...chromium.browsers].map(({ pid }) => pid)];

  say('one call of each first, which is not counted');
  // A page that never decoded before stands still again and again in its first seconds.
  await placeRooms(rooms);
  await pause(REHEARSED_MS);
  await rooms.end();
  await chromium.place();
  await pause(REHEARSED_MS);
  await chromium.end();

  const results: MediaResult['networks'][number][] = [];
  for (const { name, each } of networks) {
    await settled(everything);
    await placeRooms(rooms);
    const room = await underImpairment(detour, each, seconds, watchRooms(rooms));
    await rooms.end();
    say(`${name}: rooms ${summary(room)}`);
    await settled(everything);
    await chromium.place();
    const alone = await underImpairment(relay, each, seconds, watchChromium(chromium));
    await chromium.end();
    say(`${name}: Chromium ${summary(alone)}`);
    results.push({ name, room, chromium: alone, glassToGlassRatio: room.glassToGlassMs.median / alone.glassToGlassMs.median });
  }
  return results;
}

async function placeRooms({ rooms, displays }: RoomPair): Promise<void> {
  const placedAtMs = Date.now();
  await rooms.placeCall();
  for (const display of displays) await firstFrameAfter(display, placedAtMs);
}

const watchRooms = ({ rooms, displays }: RoomPair): Watched => ({
  pages: displays,
  look: async () => {
    const states = await rooms.states();
    return Promise.all(
      displays.map(async ({ page }, index): Promise<Look> => {
        const shown = await page.evaluate(() => window.cloisterDisplay?.statistics());
        const { video, audio } = states[index]?.call?.media ?? {};
        if (shown === undefined || video === undefined || audio === undefined) throw new Error('the call has ended');
        return {
          // What came too late, and what never came; silence that is not sent (DTX) is none.
          audioGapsMs: shown.gaps + audio.lost * SOUND_PACKET_MS,
          receivedBytes: null,
          kbps: video.bitrateKbps,
          size: `${video.width}x${video.height}`,
          avOffsetMs: shown.avOffsetMs
        };
      })
    );
  }
});

const watchChromium = (pair: ChromiumPair): Watched => ({
  pages: pair.browsers,
  look: async () =>
    (await pair.flows()).map(({ audioGapsMs, bytesReceived, width, height }) => ({
      audioGapsMs,
      receivedBytes: bytesReceived,
      kbps: null,
      size: `${width}x${height}`,
      avOffsetMs: null
    }))
});

async function underImpairment(
  network: Pick<Detour, 'change'>,
  each: (typeof IMPAIRMENTS)[number]['each'],
  seconds: number,
  watched: Watched
): Promise<Quality> {
  await pause(WARM_UP_MS);
  network.change(bothWays(each));
  try {
    await pause(ADAPT_MS);
    const take = (): Promise<Shown[][]> => Promise.all(watched.pages.map(({ page }) => page.evaluate(() => window.meter.take())));
    await take();
    const beganMs = Date.now();
    const looks = [await watched.look()];
    while (Date.now() - beganMs < seconds * 1000) {
      await pause(SAMPLE_MS);
      looks.push(await watched.look());
    }
    const shown = await take();
    return qualityOf(shown, looks, beganMs, Date.now());
  } finally {
    network.change(bothWays(NO_IMPAIRMENT));
  }
}

function qualityOf(shown: readonly Shown[][], looks: readonly (readonly Look[])[], beganMs: number, endMs: number): Quality {
  const [first = [], last = []] = [looks[0], looks.at(-1)];
  const minutes = ((endMs - beganMs) / 60_000) * shown.length; // of both ends together
  const ages = shown.flat().flatMap(({ ageMs }) => ageMs ?? []);
  // A picture that stands from the beginning counts, too.
  const freezes = shown.map((pictures) => freezesOf([beganMs, ...pictures.map(({ atMs }) => atMs)], endMs));
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const grown = (of: (look: Look) => number): number => sum(last.map((look, index) => of(look) - (first[index] === undefined ? 0 : of(first[index]))));
  const told = looks.flat().flatMap(({ kbps }) => kbps ?? []);
  const offsets = looks.flat().flatMap(({ avOffsetMs }) => avOffsetMs ?? []);
  const pictures = sum(shown.map(({ length }) => length));
  return {
    glassToGlassMs: { pictures: ages.length, unreadable: pictures - ages.length, median: median(ages), p95: percentile(ages, 0.95) },
    freezesPerMinute: sum(freezes.map(({ count }) => count)) / minutes,
    frozenMsPerMinute: sum(freezes.map(({ totalMs }) => totalMs)) / minutes,
    audioGapMsPerMinute: grown(({ audioGapsMs }) => audioGapsMs) / minutes,
    kbps: told.length > 0 ? median(told) : (grown(({ receivedBytes }) => receivedBytes ?? 0) * 8) / 1000 / (minutes * 60),
    size: [...new Set(last.map(({ size }) => size))].join(', '),
    fps: pictures / (minutes * 60),
    avOffsetMs: offsets.length === 0 ? null : { min: Math.min(...offsets), median: median(offsets), max: Math.max(...offsets) }
  };
}

const summary = ({ glassToGlassMs, frozenMsPerMinute, audioGapMsPerMinute, kbps, size, fps }: Quality): string =>
  `${glassToGlassMs.median.toFixed(0)} ms (95 %: ${glassToGlassMs.p95.toFixed(0)}), frozen ${(frozenMsPerMinute / 1000).toFixed(1)} s and ${audioGapMsPerMinute.toFixed(0)} ms without sound a minute, ${size}, ${fps.toFixed(0)} frames/s, ${kbps.toFixed(0)} kbit/s`;

// ── profile ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const MOST_SPOTS = 15;

/** One call at 720p whose media processes write V8's CPU profiles, for whoever wants to look closer; the busiest spots of the caller's. */
async function profileCall(seconds: number, say: (line: string) => void): Promise<MediaResult['profile']> {
  const folder = await mkdtemp(join(tmpdir(), 'cloister-profiles-'));
  const pair = await startRoomPair({ autoAnswer: true, processes: profiledRooms(folder) });
  let pid: number | null = null;
  try {
    await placeRooms(pair);
    pid = (await pair.rooms.rooms[0].callProcess()) ?? null;
    await pause(WARM_UP_MS + seconds * 1000);
    await pair.end();
  } finally {
    await pair[Symbol.asyncDispose]();
  }
  const file = (await readdir(folder)).find((name) => name.includes(`.${pid}.`));
  if (file === undefined) throw new Error(`the media process wrote no profile to ${folder}`);
  say(`profiles are in ${folder}`);
  return { folder, ...(await hotSpots(join(folder, file), MOST_SPOTS)) };
}

// ── report ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function mediaReport({ seconds, networks, costs, profile }: MediaResult): string {
  const row = (name: string, ratio: string, quality: Quality): string[] => {
    const { glassToGlassMs, freezesPerMinute, frozenMsPerMinute, audioGapMsPerMinute, kbps, size, fps, avOffsetMs } = quality;
    return [
      name,
      glassToGlassMs.median.toFixed(0),
      glassToGlassMs.p95.toFixed(0),
      ratio,
      freezesPerMinute.toFixed(1),
      (frozenMsPerMinute / 1000).toFixed(1),
      audioGapMsPerMinute.toFixed(0),
      kbps.toFixed(0),
      size,
      fps.toFixed(0),
      avOffsetMs === null ? '' : [avOffsetMs.min, avOffsetMs.median, avOffsetMs.max].map((ms) => ms.toFixed(0)).join(' / ')
    ];
  };
  const parts = [
    ...(networks.length === 0
      ? []
      : [
          `${PROFILE.width}x${PROFILE.height} at ${PROFILE.fps} frames both ways, windows of ${seconds} s, both ends together; a minute is one of one end`,
          table(
            [
              '',
              'glass to glass ms: median',
              '95 %',
              'ratio',
              'freezes/min',
              'frozen s/min',
              'no sound ms/min',
              'kbit/s',
              'size',
              'frames/s',
              'picture after sound ms: min / median / max'
            ],
            networks.flatMap(({ name, room, chromium, glassToGlassRatio }) => [
              row(`${name}: rooms`, glassToGlassRatio.toFixed(2), room),
              row('  Chromium', '', chromium)
            ])
          )
        ]),
    ...costs.map(callReport),
    ...(profile === null
      ? []
      : [
          `media process, JavaScript’s thread: busy ${profile.busyPercent.toFixed(0)} % of the time`,
          table(
            ['where', '% of it'],
            profile.spots.map(({ where, percent }) => [where, percent.toFixed(1)])
          )
        ])
  ];
  return parts.join('\n\n');
}
