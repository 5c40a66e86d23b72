// A camera at VISCA over IP. What it has is found by asking it; the protocol does not tell how far it goes, so that the camera refuses what is too far.
// Invariants: something else that is wanted ends what the camera was told before; a camera that is away is asked again and again, and told as a problem.
import type { Clock, Timer } from '../../kernel/clock.ts';
import { asCloisterError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import type { Log } from '../../kernel/log.ts';
import { Scope } from '../../kernel/scope.ts';
import type { CameraState } from '../port.ts';
import {
  type CameraAxis,
  type CameraCapabilities,
  type CameraControl,
  type CameraControlName,
  type CameraPosition,
  type CameraSpeeds,
  type ControlAbility,
  checkPosition,
  checkSpeeds,
  checkValue,
  createHeldMove,
  refused
} from './camera-control.ts';
import { type PanTilt, readFocusMode, readPanTilt, readPosition, readVersion, viscaCommands, viscaInquiries } from './visca.ts';
import { createViscaLink } from './visca-link.ts';
import type { OpenViscaWire } from './visca-wire.ts';

/** One small message; often enough to know before somebody wants it. */
const WELL_MS = 30_000;
const AWAY_MS = 5_000;

const range = (min: number, max: number, unit: 'device' | 'compensation' = 'device'): ControlAbility['range'] => ({ min, max, step: 1, unit });

/** What the answer to each of these inquiries says that it has. The ranges are those of the fields. */
const ABILITIES: readonly (readonly [inquiry: Uint8Array, Partial<Record<CameraControlName, ControlAbility>>])[] = [
  [viscaInquiries.zoom, { zoom: { range: range(0, 0xffff), auto: false } }],
  [viscaInquiries.focusMode, { focus: { range: range(0, 0xffff), auto: true } }],
  [viscaInquiries.exposureMode, { exposure: { range: range(-7, 7, 'compensation'), auto: true } }],
  [viscaInquiries.whiteBalance, { 'white-balance': { range: null, auto: true } }],
  [viscaInquiries.backlight, { backlight: { range: range(0, 1), auto: false } }]
];
const PAN_LIMIT = { 4: 0x7fff, 5: 0x7ffff };

export function createViscaCamera({ open, clock, log }: { readonly open: OpenViscaWire; readonly clock: Clock; readonly log: Log }): CameraControl {
  const scope = new Scope();
  const events = createEvents<{ changed: readonly [] }>((error) => log.error('A listener to a camera failed', { error: String(error) }));
  const link = createViscaLink({ open, clock });
  scope.own(() => link[Symbol.asyncDispose]());
  let now: CameraState = { shutter: null, problem: null };
  let found: CameraCapabilities | null = null;
  let started = false;
  let introduced = false;
  let asking: Timer | null = null;
  /** What the camera is doing; aborted by what comes next. */
  let doing = new AbortController();
  /** The axes that were told to move. */
  let moving: readonly CameraAxis[] = [];

  const become = (problem: CameraState['problem']): void => {
    if (problem?.code === now.problem?.code) return;
    now = { shutter: null, problem };
    log.info(problem === null ? 'A camera answers' : 'A camera does not answer');
    if (problem !== null) askIn(AWAY_MS);
    events.emit('changed');
  };
  /** Each answer says that it is there; where there is none it may be another camera afterwards. */
  const told = async <T>(work: Promise<T>): Promise<T> => {
    try {
      const result = await work;
      become(null);
      return result;
    } catch (error) {
      const { code, message } = asCloisterError(error);
      if (code === 'CL_DEVICE_UNREACHABLE') {
        found = null;
        become({ code, text: message });
      } else become(null);
      throw error;
    }
  };
  const inquire = (inquiry: Uint8Array): Promise<Uint8Array> => told(link.inquire(inquiry));
  const has = async (inquiry: Uint8Array): Promise<Uint8Array | null> => {
    try {
      return await inquire(inquiry);
    } catch (error) {
      if (asCloisterError(error).code === 'CL_DEVICE_CONTROL') return null;
      throw error;
    }
  };
  const ask = async (): Promise<void> => {
    const version = await has(viscaInquiries.version).catch(() => null);
    const maker = version === null ? null : readVersion(version);
    if (maker !== null && !introduced) log.info('A camera’s maker and model', maker);
    introduced ||= maker !== null;
    askIn(now.problem === null ? WELL_MS : AWAY_MS);
  };
  const askIn = (delayMs: number): void => {
    asking?.cancel();
    if (started && !scope.closed) asking = scope.schedule(clock, delayMs, () => void ask());
  };
  const panTilt = async (): Promise<PanTilt | null> => {
    const data = await has(viscaInquiries.panTilt);
    return data === null ? null : readPanTilt(data);
  };
  const axisAt = async (inquiry: Uint8Array): Promise<number | null> => {
    const data = await has(inquiry);
    return data === null ? null : readPosition(data);
  };
  const look = async (): Promise<CameraCapabilities> => {
    const controls: Partial<Record<CameraControlName, ControlAbility>> = {};
    const turns = await panTilt();
    if (turns !== null) {
      const limit = PAN_LIMIT[turns.digits];
      controls.pan = { range: range(-limit - 1, limit), auto: false };
      controls.tilt = { range: range(-0x8000, 0x7fff), auto: false };
    }
    for (const [inquiry, abilities] of ABILITIES) if ((await has(inquiry)) !== null) Object.assign(controls, abilities);
    const moves = (['pan', 'tilt', 'zoom', 'focus'] as const).filter((axis) => controls[axis] !== undefined);
    found = { controls, moves, home: turns !== null, privacy: false };
    return found;
  };
  const known = async (): Promise<CameraCapabilities> => found ?? look();

  /** In place of what it did before. */
  const instead = async (): Promise<AbortSignal> => {
    doing.abort();
    doing = new AbortController();
    const mine = doing.signal;
    await link.cancelAll();
    return mine;
  };
  const tell = (payload: Uint8Array, current?: AbortSignal): Promise<void> => told(link.command(payload, current));
  const tellSpeeds = async (axes: readonly CameraAxis[], speeds: CameraSpeeds, current: AbortSignal): Promise<void> => {
    if (axes.includes('pan') || axes.includes('tilt')) await tell(viscaCommands.panTiltDrive(speeds.pan ?? 0, speeds.tilt ?? 0), current);
    if (axes.includes('zoom')) await tell(viscaCommands.zoom(speeds.zoom ?? 0), current);
    if (axes.includes('focus')) await tell(viscaCommands.focus(speeds.focus ?? 0), current);
  };
  const stopNow = async (): Promise<void> => {
    const mine = await instead();
    // One that was told while it was away may have heard it all the same.
    const axes = moving.length > 0 ? moving : (await known()).moves.filter((axis) => axis !== 'focus');
    await tellSpeeds(axes, {}, mine);
    if (!mine.aborted) moving = [];
  };
  const held = createHeldMove(clock, stopNow);
  scope.own(async () => {
    if (held.end()) await stopNow().catch(() => {});
  });

  const moveTo = async (wanted: CameraPosition, current: AbortSignal): Promise<void> => {
    if (wanted.pan !== undefined || wanted.tilt !== undefined) {
      const at = await panTilt();
      if (at === null) throw refused('the camera does not tell where it is');
      await tell(viscaCommands.panTiltAbsolute({ pan: wanted.pan ?? at.pan, tilt: wanted.tilt ?? at.tilt, digits: at.digits }), current);
    }
    if (wanted.zoom !== undefined) await tell(viscaCommands.zoomDirect(wanted.zoom), current);
    if (wanted.focus === undefined) return;
    await tell(viscaCommands.focusMode(false), current);
    await tell(viscaCommands.focusDirect(wanted.focus), current);
  };
  const begin = async (wanted: CameraPosition): Promise<void> => {
    checkPosition(await known(), wanted);
    held.end();
    await moveTo(wanted, await instead());
  };

  return {
    on: events.on,
    async start(signal) {
      if (signal.aborted) return;
      started = true;
      // Not waited for: the room starts without its camera.
      void ask();
    },
    state: () => now,
    setInCall() {
      // VISCA knows no shutter.
    },
    capabilities: look,
    async move(speeds, hold = {}) {
      const capabilities = await known();
      checkSpeeds(capabilities, speeds);
      if (hold.signal?.aborted) return;
      held.begin(hold);
      const mine = await instead();
      const wanted = capabilities.moves.filter((axis) => (speeds[axis] ?? 0) !== 0);
      const axes = capabilities.moves.filter((axis) => wanted.includes(axis) || moving.includes(axis));
      moving = axes;
      if (wanted.includes('focus')) await tell(viscaCommands.focusMode(false), mine);
      await tellSpeeds(axes, speeds, mine);
    },
    async stop() {
      held.end();
      await stopNow();
    },
    moveTo: begin,
    async position() {
      const position: { pan?: number; tilt?: number; zoom?: number; focus?: number } = {};
      const turned = await panTilt();
      if (turned !== null) Object.assign(position, { pan: turned.pan, tilt: turned.tilt });
      const zoom = await axisAt(viscaInquiries.zoom);
      if (zoom !== null) position.zoom = zoom;
      const mode = await has(viscaInquiries.focusMode);
      const focus = mode !== null && readFocusMode(mode) === 'manual' ? await axisAt(viscaInquiries.focus) : null;
      if (focus !== null) position.focus = focus;
      return position;
    },
    async set(name, value) {
      checkValue(await known(), name, value);
      if (name === 'pan' || name === 'tilt' || name === 'zoom' || (name === 'focus' && value !== 'auto')) await begin({ [name]: value });
      else if (name === 'focus') await tell(viscaCommands.focusMode(true));
      else if (name === 'white-balance') await tell(viscaCommands.whiteBalanceAuto());
      else if (name === 'backlight') await tell(viscaCommands.backlight(value === 1));
      else if (value === 'auto') {
        await tell(viscaCommands.exposureAuto());
        await tell(viscaCommands.compensation(false));
      } else {
        await tell(viscaCommands.compensation(true));
        await tell(viscaCommands.compensationDirect(value));
      }
    },
    async home() {
      const { home, controls } = await known();
      if (!home) throw refused('this camera cannot be moved');
      held.end();
      const mine = await instead();
      await tell(viscaCommands.home(), mine);
      if (controls.zoom !== undefined) await tell(viscaCommands.zoomDirect(0), mine);
    },
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose]()
  };
}
