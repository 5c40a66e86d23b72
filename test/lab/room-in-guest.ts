// A room in a guest, and on this machine another one that calls it and the broker: what is tested runs where the devices are, the rest where the processor is quick.
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ConfigLayer } from '../../src/config/layers.ts';
import type { CallView, RoomState } from '../../src/room/state.ts';
import { embeddedBroker, startTwoRooms, type TestRoom, type TwoRooms } from '../harness/two-rooms.ts';
import type { Guest } from './guest.ts';

export type LabRooms = AsyncDisposable & {
  readonly pair: TwoRooms;
  /** On this machine. */
  readonly caller: TestRoom;
  /** In the guest. */
  readonly room: TestRoom;
  /** The caller calls, and the guest's room rings. */
  ring(): Promise<void>;
  /** Rings, and is answered over the panel; secured when this resolves. */
  connect(): Promise<void>;
  /** Waits for what is true of the guest's room. */
  waitFor(what: string, predicate: (state: RoomState) => boolean, limitMs?: number): Promise<RoomState>;
  /** Waits for what is true of the call in the guest's room, which must be there. */
  waitForCall(what: string, predicate: (call: CallView) => boolean): Promise<CallView>;
  /** No call on either side, so that the next one may begin. */
  hangUp(): Promise<void>;
};

/** An emulated processor, on a machine that may have other work: for what must happen at all, and says nothing of how soon. */
export const LIMIT_MS = 300_000;
const CALLER = 0;
const CALLEE = 1;
const POLL_MS = 100;
const RUN_IN_GUEST = fileURLToPath(new URL('./run-in-guest.ts', import.meta.url));
const VIDEO = { width: 320, height: 180, fps: 5, maxKbps: 200 };
/** Of the product: as long as it allows. */
const CALL_LIMITS = { inviteTimeoutSeconds: 120, connectTimeoutMs: 120_000, reconnectTimeoutMs: 60_000 };

/** @param config of the guest's room, over what is the same for both */
export async function startRoomInGuest(guest: Guest, config: ConfigLayer = {}): Promise<LabRooms> {
  const pair = await startTwoRooms({
    limitMs: LIMIT_MS,
    makeBroker: async (folders, port) => {
      const broker = await embeddedBroker(folders, port);
      await guest.tunnelTo(Number(new URL(broker.url).port));
      return broker;
    },
    config: (index) => {
      const both: ConfigLayer = { call: CALL_LIMITS, media: { video: VIDEO, hardwareEncoding: 'off', codecs: ['VP8'] } };
      return index === CALLER ? both : { ...both, ...config, media: { ...(both['media'] as ConfigLayer), ...(config['media'] as ConfigLayer | undefined) } };
    },
    network: {
      prefix: (index) => (index === CALLER ? [] : [process.execPath, RUN_IN_GUEST, String(guest.port)]),
      reach: async (index, url) => {
        if (index === CALLEE) await guest.tunnelFrom(Number(new URL(url).port));
      }
    }
  });
  const [caller, room] = pair.rooms;
  const told = (): string => `; what the room wrote is in ${guest.keep()}`;
  const waitFor: LabRooms['waitFor'] = async (what, predicate, limitMs = LIMIT_MS) => {
    for (const deadline = performance.now() + limitMs; ; await pause(POLL_MS)) {
      const state = await room.http.state();
      if (predicate(state)) return state;
      if (performance.now() > deadline) {
        guest.note(room.stderr());
        throw new Error(`not in ${limitMs} ms: ${what}${told()}\n${JSON.stringify(state)}`);
      }
    }
  };
  const waitForCall: LabRooms['waitForCall'] = async (what, predicate) => {
    const { call } = await waitFor(what, ({ call }) => call !== null && predicate(call));
    return call as CallView;
  };
  const ring = async (): Promise<void> => {
    await caller.http.post('/api/v1/calls', { to: room.account, media: { audio: true, video: true } });
    await waitForCall('it rings', ({ phase }) => phase === 'ringing');
  };
  return {
    pair,
    caller,
    room,
    ring,
    async connect() {
      await ring();
      await room.act('answer');
      await waitForCall('the call is connected', ({ phase }) => phase === 'connected');
    },
    waitFor,
    waitForCall,
    async hangUp() {
      const over = (call: CallView | null): boolean => call === null || call.phase === 'ended';
      if (!over(await caller.call())) await caller.act('end');
      await pair.waitFor('the call is over on both sides', (states) => states.every(({ call }) => over(call)));
    },
    async [Symbol.asyncDispose]() {
      guest.note(room.stderr());
      await pair[Symbol.asyncDispose]();
    }
  };
}
