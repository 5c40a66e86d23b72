// A camera that speaks VISCA over IP: UDP with header and sequence numbers, and TCP without. It moves with time, carries out two commands at a time, takes
// its time for completion, refuses what it cannot do, and its network can be made to lose, double, disorder or end.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket as Stream } from 'node:net';
import { createMessageCutter } from '../../src/devices/cameras/visca.ts';
import type { OpenViscaWire } from '../../src/devices/cameras/visca-wire.ts';
import type { Clock } from '../../src/kernel/clock.ts';

/** Of what goes each way: shares of 0 to 1. Late ones arrive `lateMs` later, after what was sent after them. */
export type Impairment = { readonly loss: number; readonly double: number; readonly late: number; readonly lateMs: number };

export type FakeViscaCamera = {
  readonly pan: number;
  readonly tilt: number;
  readonly zoom: number;
  readonly focus: number;
  readonly autofocus: boolean;
  readonly compensation: number | null;
  readonly backlight: boolean;
  /** It is turning or zooming because it was told to, without an end of its own. */
  readonly driven: boolean;
  /** Each VISCA message that was carried out, in hex. */
  readonly taken: readonly string[];
  /** Forgets its sequence number and position, as after a power cut. */
  restart(): void;
  /** One VISCA message as it came; the answers as they become ready. */
  tell(payload: Uint8Array, answer: (reply: Uint8Array) => void): void;
  /** One datagram of VISCA over IP. */
  datagram(datagram: Uint8Array, answer: (datagram: Uint8Array) => void): void;
};

type CameraTraits = {
  /** Of pan. */
  readonly digits?: 4 | 5;
  readonly zoomOnly?: boolean;
  /** Some makers' cameras do not, and do not look at sequence numbers either. */
  readonly knowsReset?: boolean;
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const digitsOf = (value: number, count: number): string =>
  [...(value < 0 ? value + 16 ** count : value).toString(16).padStart(count, '0')].map((digit) => `0${digit}`).join('');
const numberOf = (digits: string, signed: boolean): number => {
  const plain = digits.replaceAll(/0(.)/g, '$1');
  const value = Number.parseInt(plain, 16);
  return signed && value >= 16 ** plain.length / 2 ? value - 16 ** plain.length : value;
};

const PAN_END = 0x8db;
const TILT_END = 0x3a8;
const ZOOM_END = 0x4000;
const SOCKETS = 2;
/** Positions a second at speed 1; a position that was asked for is reached at the fastest. */
const PACE = 40;
const FASTEST = 0x18 * PACE;

export function createFakeViscaCamera(clock: Clock, { digits = 4, zoomOnly = false, knowsReset = true }: CameraTraits = {}): FakeViscaCamera {
  const axis = (end: number, from: number, pace: number) => ({ at: Math.max(0, from), speed: 0, goal: null as number | null, end, from, pace, sinceMs: 0 });
  const axes = { pan: axis(PAN_END, -PAN_END, 1), tilt: axis(TILT_END, -TILT_END, 1), zoom: axis(ZOOM_END, 0, 20), focus: axis(0xf000, 0x1000, 20) };
  type Axis = (typeof axes)['pan'];
  let autofocus = true;
  let compensation: number | null = null;
  let backlight = false;
  let highest: number | null = null;
  const seen = new Set<number>();
  const sockets = new Map<number, { readonly end: (fault: string | null) => void }>();
  const taken: string[] = [];

  const settle = (one: Axis): number => {
    const nowMs = clock.monotonicMs();
    const passed = (nowMs - one.sinceMs) / 1000;
    one.sinceMs = nowMs;
    if (one.goal === null) one.at = Math.min(one.end, Math.max(one.from, one.at + one.speed * PACE * passed));
    else {
      const way = one.goal - one.at;
      const step = Math.min(Math.abs(way), FASTEST * one.pace * passed);
      one.at += Math.sign(way) * step;
      if (step === Math.abs(way)) one.goal = null;
    }
    return Math.round(one.at);
  };
  const drive = (one: Axis, speed: number): void => {
    settle(one);
    one.goal = null;
    one.speed = speed;
  };
  /** @returns how long it takes; null where it cannot go there */
  const go = (one: Axis, goal: number): number | null => {
    if (goal < one.from || goal > one.end) return null;
    settle(one);
    one.speed = 0;
    one.goal = goal;
    return (Math.abs(goal - one.at) / (FASTEST * one.pace)) * 1000;
  };
  const variable = (text: string): number => (text === '00' ? 0 : (text[0] === '2' ? 1 : -1) * (Number.parseInt(text[1] ?? '0', 16) + 1));

  /** @returns how many milliseconds it takes; a fault else */
  const carryOut = (command: string): number | string => {
    const turn = /^0601(..)(..)(0[123])(0[123])$/.exec(command);
    const absolute = new RegExp(`^0602....((?:0.){${digits}})((?:0.){4})$`).exec(command);
    if (zoomOnly && command.startsWith('06')) return '02';
    if (turn !== null) {
      drive(axes.pan, (turn[3] === '01' ? -1 : turn[3] === '02' ? 1 : 0) * Number.parseInt(turn[1] ?? '0', 16));
      drive(axes.tilt, (turn[4] === '01' ? 1 : turn[4] === '02' ? -1 : 0) * Number.parseInt(turn[2] ?? '0', 16));
      return 0;
    }
    if (absolute !== null || command === '0604') {
      const pan = go(axes.pan, absolute === null ? 0 : numberOf(absolute[1] ?? '', true));
      const tilt = go(axes.tilt, absolute === null ? 0 : numberOf(absolute[2] ?? '', true));
      return pan === null || tilt === null ? '41' : Math.max(pan, tilt);
    }
    const direct = /^04(47|48)((?:0.){4})$/.exec(command);
    if (direct?.[1] === '48' && autofocus) return '41';
    if (direct !== null) return go(direct[1] === '47' ? axes.zoom : axes.focus, numberOf(direct[2] ?? '', false)) ?? '41';
    const speed = /^04(07|08)([023].)$/.exec(command);
    if (speed !== null) {
      if (speed[1] === '08' && autofocus && speed[2] !== '00') return '41';
      drive(speed[1] === '07' ? axes.zoom : axes.focus, variable(speed[2] ?? '00') * (speed[1] === '07' ? 10 : 1));
      return 0;
    }
    const mode = /^04(38|3e|33)0([23])$/.exec(command);
    if (mode?.[1] === '38') autofocus = mode[2] === '2';
    if (mode?.[1] === '3e') compensation = mode[2] === '2' ? 0 : null;
    if (mode?.[1] === '33') backlight = mode[2] === '2';
    if (mode !== null || command === '043900' || command === '043500') return 0;
    const compensated = /^044e0000(0.0.)$/.exec(command);
    if (compensated === null) return '02';
    if (compensation === null) return '41';
    compensation = numberOf(compensated[1] ?? '', false) - 7;
    return 0;
  };

  const inquire = (inquiry: string): string | null => {
    if (inquiry === '0002') return '0020045c010002';
    if (inquiry === '0612') return zoomOnly ? null : digitsOf(settle(axes.pan), digits) + digitsOf(settle(axes.tilt), 4);
    if (inquiry === '0447') return digitsOf(settle(axes.zoom), 4);
    if (inquiry === '0448') return digitsOf(settle(axes.focus), 4);
    if (inquiry === '0438') return autofocus ? '02' : '03';
    if (inquiry === '0433') return backlight ? '02' : '03';
    return inquiry === '0439' || inquiry === '0435' ? '00' : null;
  };

  const tell: FakeViscaCamera['tell'] = (payload, answer) => {
    const text = hex(payload);
    const reply = (rest: string): void => answer(fromHex(`90${rest}ff`));
    const inquiry = /^8109(.*)ff$/.exec(text)?.[1];
    if (inquiry !== undefined) {
      const found = inquire(inquiry);
      reply(found === null ? '6002' : `50${found}`);
      return;
    }
    const cancelled = /^812(.)ff$/.exec(text)?.[1];
    if (cancelled !== undefined) {
      const running = sockets.get(Number.parseInt(cancelled, 16));
      if (running === undefined) reply(`6${cancelled}05`);
      else running.end('04');
      return;
    }
    const command = /^8101(.*)ff$/.exec(text)?.[1];
    const socket = [1, 2].find((number) => !sockets.has(number));
    if (command === undefined) reply('6002');
    else if (socket === undefined || sockets.size >= SOCKETS) reply('6003');
    else {
      const done = carryOut(command);
      if (typeof done === 'string') {
        reply(done === '02' ? '6002' : `6${socket}${done}`);
        return;
      }
      taken.push(command);
      reply(`4${socket}`);
      const timer = clock.schedule(done, () => sockets.get(socket)?.end(null));
      sockets.set(socket, {
        end(fault) {
          sockets.delete(socket);
          timer.cancel();
          if (fault !== null) for (const one of Object.values(axes)) drive(one, one.goal === null ? one.speed : 0);
          reply(fault === null ? `5${socket}` : `6${socket}${fault}`);
        }
      });
    }
  };

  return {
    get pan() {
      return settle(axes.pan);
    },
    get tilt() {
      return settle(axes.tilt);
    },
    get zoom() {
      return settle(axes.zoom);
    },
    get focus() {
      return settle(axes.focus);
    },
    get autofocus() {
      return autofocus;
    },
    get compensation() {
      return compensation;
    },
    get backlight() {
      return backlight;
    },
    get driven() {
      return Object.values(axes).some(({ speed }) => speed !== 0);
    },
    taken,
    restart() {
      seen.clear();
      for (const running of sockets.values()) running.end(null);
      for (const one of Object.values(axes)) drive(one, 0);
      // Numbers from before are not those that it counts now.
      highest = 0xffff_ffff;
    },
    tell,
    datagram(datagram, answer) {
      const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
      const [type, sequence] = [view.getUint16(0), view.getUint32(4)];
      const header = (kind: number, payload: Uint8Array): Uint8Array => {
        const out = new Uint8Array(8 + payload.length);
        const head = new DataView(out.buffer);
        head.setUint16(0, kind);
        head.setUint16(2, payload.length);
        head.setUint32(4, sequence);
        out.set(payload, 8);
        return out;
      };
      const payload = datagram.subarray(8);
      if (view.getUint16(2) !== payload.length) answer(header(0x0201, fromHex('0f02')));
      else if (type === 0x0200) {
        if (!knowsReset) return;
        highest = 0;
        seen.clear();
        answer(header(0x0201, fromHex('01')));
      } else if (knowsReset && (seen.has(sequence) || (highest !== null && sequence <= highest))) answer(header(0x0201, fromHex('0f01')));
      else {
        highest = sequence;
        seen.add(sequence);
        tell(payload, (reply) => answer(header(0x0111, reply)));
      }
    }
  };
}

export const NO_IMPAIRMENT: Impairment = { loss: 0, double: 0, late: 0, lateMs: 0 };

/** A road on which each thing is lost, doubled or late as `random` says. */
export function impairedRoad(impairment: () => Impairment, random: () => number, clock: Clock): (deliver: () => void) => void {
  return (deliver) => {
    const { loss, double, late, lateMs } = impairment();
    if (random() < loss) return;
    const copies = random() < double ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (random() < late) clock.schedule(lateMs, deliver);
      else deliver();
    }
  };
}

/** A way to the camera within this process, for tests with a clock of their own. `there` false: nothing answers. */
export function wireTo(camera: FakeViscaCamera, road: (deliver: () => void) => void, there: () => boolean = () => true): OpenViscaWire {
  return async ({ received }) => {
    let open = true;
    return {
      sequenced: true,
      send(bytes) {
        road(() => {
          if (!there()) return;
          camera.datagram(bytes, (reply) => road(() => void (open && there() && received(reply))));
        });
      },
      close() {
        open = false;
      }
    };
  };
}

export type ViscaServer = AsyncDisposable & { readonly port: number };

/** @param port 0: any */
export async function serveViscaUdp(camera: FakeViscaCamera, road: (deliver: () => void) => void, port = 0): Promise<ViscaServer> {
  const socket: Socket = createSocket('udp4');
  let open = true;
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  socket.on('message', (datagram, from) => {
    road(() => {
      camera.datagram(datagram, (reply) => road(() => void (open && socket.send(reply, from.port, from.address))));
    });
  });
  return {
    port: socket.address().port,
    async [Symbol.asyncDispose]() {
      open = false;
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    }
  };
}

/** Several messages may come in one piece, and one in several. */
export async function serveViscaTcp(camera: FakeViscaCamera, port = 0): Promise<ViscaServer> {
  const streams = new Set<Stream>();
  const server = createServer((stream) => {
    streams.add(stream);
    stream.on('close', () => streams.delete(stream));
    stream.on('error', () => {});
    stream.on(
      'data',
      createMessageCutter((message) => camera.tell(message, (reply) => void (stream.writable && stream.write(reply))))
    );
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      for (const stream of streams) stream.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    }
  };
}
