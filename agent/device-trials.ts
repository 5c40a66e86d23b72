// What `cloister devices test` does with each device, one after the other, and what it makes of it. What touches a device comes in as a port.
import { asCloisterError } from '../src/kernel/errors.ts';
import type { DeviceKind, DeviceProblem, DeviceView, HidDeviceView, HidView, SoundLevel } from '../src/room/state.ts';

export type TrialResult = {
  readonly id: string;
  readonly kind: DeviceKind | 'hid';
  readonly name: string;
  /** `skipped`: it could not be tried, and that is no fault of it. */
  readonly outcome: 'ok' | 'fault' | 'skipped';
  readonly text: string;
};

/** Luma of 0 to 255. */
export type PictureFacts = { readonly width: number; readonly height: number; readonly brightness: number; readonly fault: 'black' | 'frozen' | null };

export type DeviceTrials = {
  /** @param id of a camera or content input */
  picture(id: string): Promise<PictureFacts>;
  /** Null where its driver does not tell, or it has one. */
  signalProblem(id: string): Promise<DeviceProblem | null>;
  microphone(id: string, ms: number): Promise<SoundLevel>;
  /** A short quiet tone; resolves when it was played. */
  tone(id: string): Promise<void>;
  /** Lights the lamps of a speakerphone one after the other and darkens them again. @returns their names, in this order */
  lamps(id: string, options: { readonly offHook: boolean }): Promise<readonly string[]>;
};

/** The devices as this process sees them. */
export type LocalDevices = AsyncDisposable & { readonly media: readonly DeviceView[]; readonly hid: HidView; readonly trials: DeviceTrials };

export type TrialRun = {
  readonly media: readonly DeviceView[];
  readonly hid: HidView;
  /** Null: all. A kind, `hid`, or an id. */
  readonly only: string | null;
  readonly trials: DeviceTrials;
  /** The room's agent has the speakerphones open, too: it would take the echo of an off-hook lamp for a lifted receiver. */
  readonly roomRuns: boolean;
  /** Asked before each device. @throws CloisterError where the devices are needed for a call now */
  readonly mayGoOn: () => Promise<void>;
  readonly progress: (line: string) => void;
};

const LISTEN_MS = 2_000;
/** A tone that is heard lifts the level by this at least over the quiet before it. */
const HEARD_DB = 6;
/** The last bit of 16 is −90: a microphone that is on has more noise than that. */
const SILENT_DBFS = -80;

export const isWanted = (only: string | null, { id, kind }: { readonly id: string; readonly kind: DeviceKind | 'hid' }): boolean =>
  only === null || only === kind || only === id;

export async function runTrials({ media, hid, only, trials, roomRuns, mayGoOn, progress }: TrialRun): Promise<readonly TrialResult[]> {
  const quiet = new Map<string, SoundLevel>();
  const results: TrialResult[] = [];
  // Microphones before loudspeakers: how quiet it is has to be known first.
  const wanted = [
    ...(['camera', 'content', 'microphone', 'speaker'] as const).flatMap((kind) => media.filter((device) => device.kind === kind)),
    ...hid.devices.map((device) => ({ ...device, kind: 'hid' as const }))
  ].filter((device) => isWanted(only, device));
  for (const device of wanted) {
    await mayGoOn();
    progress(`${device.kind === 'hid' ? 'speakerphone' : device.kind}: ${device.name} …`);
    results.push({ id: device.id, kind: device.kind, name: device.name, ...(await tryOne(device)) });
  }
  return results;

  async function tryOne(device: DeviceView | (HidDeviceView & { readonly kind: 'hid' })): Promise<Outcome> {
    if (device.kind !== 'hid' && !device.present) return fault('It is away.');
    if (device.problem !== null && device.problem.code !== 'CL_DEVICE_NO_SIGNAL') return fault(`${device.problem.text} (${device.problem.code})`);
    try {
      if (device.kind === 'hid') return await tryHid(device);
      if (device.kind === 'camera') return judgePicture(await trials.picture(device.id));
      if (device.kind === 'content') return await tryContent(device.id);
      if (device.kind === 'microphone') return judgeMicrophone(await listen(device.id));
      return await trySpeaker(device);
    } catch (cause) {
      const { code, message } = asCloisterError(cause);
      return fault(`${message} (${code})`);
    }
  }

  async function listen(id: string): Promise<SoundLevel> {
    const level = await trials.microphone(id, LISTEN_MS);
    quiet.set(id, level);
    return level;
  }

  async function tryContent(id: string): Promise<Outcome> {
    const problem = await trials.signalProblem(id);
    // Nothing is connected most of the time: that is no fault of the input.
    if (problem !== null) return { outcome: problem.code === 'CL_DEVICE_NO_SIGNAL' ? 'skipped' : 'fault', text: `${problem.text} (${problem.code})` };
    const { width, height, brightness } = await trials.picture(id);
    return fine(`It has a signal of ${width}×${height}, brightness ${Math.round(brightness)} of 255.`);
  }

  async function trySpeaker(device: DeviceView): Promise<Outcome> {
    const ear = earOf(device, media);
    if (ear === null) {
      await trials.tone(device.id);
      return fine('A tone was played; there is no microphone to hear it.');
    }
    const before = quiet.get(ear.id) ?? (await listen(ear.id).catch(() => null));
    if (before === null) {
      await trials.tone(device.id);
      return fine(`A tone was played; ${ear.name} could not be opened to hear it.`);
    }
    const [level] = await Promise.all([trials.microphone(ear.id, LISTEN_MS), trials.tone(device.id)]);
    const rise = level.rmsDbfs - before.rmsDbfs;
    if (rise >= HEARD_DB) return fine(`A tone was played, and ${ear.name} heard it.`);
    const cancels = ear.appliance === device.appliance ? ', as is right for a device that takes its own echo out' : '';
    return fine(`A tone was played; ${ear.name} did not hear it${cancels}.`);
  }

  async function tryHid({ id, kinds, can }: HidDeviceView): Promise<Outcome> {
    const said: string[] = [];
    if (can.some((ability) => ability.startsWith('lamp '))) {
      const lit = await trials.lamps(id, { offHook: !roomRuns });
      said.push(lit.length === 0 ? 'No lamp could be lit.' : `Its lamps were lit one after the other: ${lit.join(', ')}; they are dark again.`);
      if (roomRuns && can.includes('lamp off-hook')) said.push('The off-hook lamp is left alone while the room runs.');
    }
    if (kinds.includes('presence'))
      said.push(hid.presence === null ? 'It has not told yet whether somebody is there.' : `${hid.presence ? 'Somebody' : 'Nobody'} is in the room.`);
    if (kinds.includes('console')) said.push('The touch console is there.');
    const keys = can.filter((ability) => !ability.startsWith('lamp '));
    if (keys.length > 0) said.push(`Its keys (${keys.join(', ')}) are for people to try.`);
    return said.length === 0 ? { outcome: 'skipped', text: 'There is nothing on it to try.' } : fine(said.join(' '));
  }
}

type Outcome = Pick<TrialResult, 'outcome' | 'text'>;
const fine = (text: string): Outcome => ({ outcome: 'ok', text });
const fault = (text: string): Outcome => ({ outcome: 'fault', text });

function judgePicture({ width, height, brightness, fault: found }: PictureFacts): Outcome {
  const text = `A picture of ${width}×${height}, brightness ${Math.round(brightness)} of 255.`;
  if (found === 'black') return fault(`${text} It is black: open the shutter, or take off the cover.`);
  if (found === 'frozen') return fault(`${text} It stands still: unplug the camera and plug it in again.`);
  return fine(text);
}

function judgeMicrophone({ rmsDbfs, peakDbfs, clipping, silent }: SoundLevel): Outcome {
  const text = `Heard for ${LISTEN_MS / 1000} s: ${Math.round(rmsDbfs)} dBFS, peak ${Math.round(peakDbfs)}.`;
  // What is measured for two seconds is not called silent before it was so for longer.
  if (silent || peakDbfs <= SILENT_DBFS) return fault(`${text} It gives silence: is it switched off at itself?`);
  if (clipping) return fault(`${text} It is too loud and clips: turn its level down.`);
  return fine(text);
}

/** Of another appliance if there is one: a speakerphone takes its own sound out of its microphone. */
function earOf({ appliance }: DeviceView, media: readonly DeviceView[]): DeviceView | null {
  const ears = media.filter(({ kind, present, problem }) => kind === 'microphone' && present && problem === null);
  return ears.find((ear) => ear.appliance !== appliance) ?? ears[0] ?? null;
}
