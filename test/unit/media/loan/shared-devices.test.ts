// Two processes' devices over real local sockets. Each device can be open once, as a camera can, and the fakes fail where it is opened twice; the clock is moved by hand.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Frame } from 'node-av';
import { CloisterError } from '../../../../src/kernel/errors.ts';
import { silentLog } from '../../../../src/kernel/log.ts';
import { createLenderReader, type FromLender, type LentKind, pictureMemory, writeFromBorrower } from '../../../../src/media/loan/loan-format.ts';
import { createSharedDevices, type SharedDevices } from '../../../../src/media/loan/shared-devices.ts';
import type { Loan } from '../../../../src/media/port.ts';
import { allocateFrame } from '../../../../src/media/source/frame-memory.ts';
import type { AudioSink, AudioSource, VideoSink, VideoSource } from '../../../../src/media/source/source.ts';
import { createFakeClock, type FakeClock } from '../../../fakes/clock.ts';

const SIZE = { width: 64, height: 36 };
const REAL_LIMIT_MS = 5_000;
const isUnix = process.platform !== 'win32';
const hasCode = (code: CloisterError['code']) => (error: unknown) => (error as CloisterError).code === code;

type Kind = Exclude<LentKind, 'speaker'>;
type Side = ReturnType<typeof createSide>;
/** Who has which device open. */
type Machine = { readonly open: Map<Kind, string>; readonly refuses: Set<string> };

function createSide(name: string, clock: FakeClock, machine: Machine, borrows = false) {
  const sinks = new Map<Kind, VideoSink | AudioSink>();
  const opened: Kind[] = [];
  const used: string[] = [];
  const played: (readonly [string, number])[] = [];
  const said = { keys: [] as string[], borrowed: [] as boolean[], elsewhere: [] as boolean[], warnings: [] as string[] };
  const views: Record<Kind, string> = { camera: `${name}’s camera`, microphone: `${name}’s microphone`, screen: `${name}’s screen` };
  const open = async <Sink extends VideoSink | AudioSink>(kind: Kind) => {
    await nextTurn();
    if (machine.refuses.has(name)) throw new CloisterError('CL_MEDIA_SOURCE', 'it cannot be opened');
    assert.equal(machine.open.get(kind), undefined, `${name} opens the ${kind}, which ${machine.open.get(kind)} has open`);
    machine.open.set(kind, name);
    opened.push(kind);
    return {
      get view() {
        return { kind: 'device' as const, name: views[kind] };
      },
      start(sink: Sink) {
        sinks.set(kind, sink);
      },
      async close() {
        await nextTurn();
        sinks.delete(kind);
        assert.equal(machine.open.get(kind), name);
        machine.open.delete(kind);
      }
    };
  };
  const devices: SharedDevices = createSharedDevices({
    clock,
    log: { ...silentLog, warn: (_, fields) => void said.warnings.push(String(fields?.['code'])) },
    borrows,
    openCamera: () => open<VideoSink>('camera'),
    openMicrophone: () => open<AudioSink>('microphone'),
    openScreen: () => open<VideoSink>('screen'),
    listen: (source) => source,
    playout: {
      push: ({ timestampUs, data }, of = 'call') => void played.push([of, timestampUs + (data[0] ?? 0)]),
      key: (key) => void said.keys.push(key),
      setBorrowed: (on) => void said.borrowed.push(on),
      setElsewhere: async (on) => void said.elsewhere.push(on)
    },
    onUse: (kind, of) => void used.push(`${kind} ${of}`)
  });
  const frame = allocateFrame(SIZE.width, SIZE.height);
  /** As a device gives: false where none is open here. */
  const give = {
    picture(kind: 'camera' | 'screen', luma: number): boolean {
      const sink = sinks.get(kind) as VideoSink | undefined;
      frame.planes.data[0].fill(luma);
      frame.planes.data[1].fill(luma + 1);
      void sink?.frame(frame.frame, clock.monotonicMs());
      return sink !== undefined;
    },
    sound(value: number): boolean {
      const sink = sinks.get('microphone') as AudioSink | undefined;
      sink?.block(new Int16Array(960).fill(value), clock.monotonicMs());
      return sink !== undefined;
    }
  };
  const taken = { pictures: [] as string[], sounds: [] as number[], captures: [] as number[], lost: 0, busy: null as Promise<void> | null };
  const startPicture = (source: VideoSource): VideoSource => {
    source.start({
      async frame(picture: Frame, captureMs) {
        taken.captures.push(captureMs);
        taken.pictures.push(`${picture.width}x${picture.height} ${picture.data?.[0]?.[0]} ${picture.data?.[1]?.[0]} ${picture.data?.[0]?.at(-1)}`);
        await taken.busy;
      },
      lost: () => {
        taken.lost += 1;
      }
    });
    return source;
  };
  const startSound = (source: AudioSource): AudioSource => {
    source.start({ block: (samples) => void taken.sounds.push(samples[959] ?? -1), lost: () => void taken.lost++ });
    return source;
  };
  return {
    name,
    devices,
    opened,
    used,
    played,
    said,
    views,
    give,
    taken,
    camera: async () => startPicture(await devices.camera()),
    screen: async (choice: string) => startPicture(await devices.screen(choice)),
    microphone: async () => startSound(await devices.microphone()),
    free: () => frame.frame.free()
  };
}

describe('devices that one process lends to another', function () {
  this.timeout(4 * REAL_LIMIT_MS);
  let clock: FakeClock;
  let machine: Machine;
  let sides: Side[] = [];
  let sockets: Socket[] = [];

  beforeEach(() => {
    clock = createFakeClock();
    machine = { open: new Map(), refuses: new Set() };
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(sides.map(({ devices }) => devices[Symbol.asyncDispose]()));
    for (const { free } of sides) free();
    [sides, sockets] = [[], []];
    assert.equal(clock.pending, 0, 'a timer is left');
  });

  function createOne(name: string, borrows = false): Side {
    const side = createSide(name, clock, machine, borrows);
    sides.push(side);
    return side;
  }

  /** Sockets take the time that they take; the clock goes on meanwhile by so much each turn. */
  async function until(what: string, condition: () => boolean, stepMs = 0, each = (): void => {}): Promise<void> {
    const deadline = performance.now() + REAL_LIMIT_MS;
    while (!condition()) {
      assert.ok(performance.now() < deadline, `in vain: ${what}`);
      each();
      for (let turn = 0; turn < 5; turn++) await nextTurn();
      clock.advance(stepMs);
    }
  }

  /** So much time passes, with what is on its way arriving meanwhile. */
  async function pass(ms: number, each = (): void => {}): Promise<void> {
    for (let passed = 0; passed < ms; passed += 20) {
      each();
      for (let turn = 0; turn < 5; turn++) await nextTurn();
      clock.advance(20);
    }
  }

  /** A lender whose camera and microphone are open, and who plays; and who borrows. */
  async function createPair() {
    const lender = createOne('lender');
    const borrower = createOne('borrower', true);
    const camera = await lender.camera();
    const microphone = await lender.microphone();
    await lender.devices.setPlays(true);
    const borrow = async (): Promise<void> => borrower.devices.borrow(await lender.devices.lend(), async () => {});
    return { lender, borrower, camera, microphone, borrow };
  }

  async function goneIs({ path }: Loan): Promise<void> {
    let there = isUnix;
    await until(
      'the folder is gone',
      () => !there,
      0,
      () => {
        if (there)
          stat(dirname(path)).catch(() => {
            there = false;
          });
      }
    );
  }

  const lastOf = <T>(items: readonly T[]): T | undefined => items.at(-1);

  it('come over as they were taken, with the name of the lender’s, and the borrower opens none', async () => {
    const { lender, borrower, borrow } = await createPair();
    assert.equal(borrower.devices.known(), false, 'it is not known from whom');
    await borrow();
    assert.equal(borrower.devices.known(), true);
    const [camera, microphone] = [await borrower.camera(), await borrower.microphone()];
    await until(
      'a picture',
      () => borrower.taken.pictures.length > 0,
      5,
      () => lender.give.picture('camera', 77)
    );
    assert.equal(borrower.taken.pictures[0], `${SIZE.width}x${SIZE.height} 77 78 77`);
    assert.ok((borrower.taken.captures[0] ?? -1) <= clock.monotonicMs());
    await until(
      'sound',
      () => borrower.taken.sounds.length > 3,
      5,
      () => lender.give.sound(-1_234)
    );
    assert.equal(borrower.taken.sounds[0], -1_234);
    assert.ok(lender.taken.pictures.length > 0 && lender.taken.sounds.length > 3, 'the lender has its own');
    assert.deepEqual(
      [camera.view, microphone.view],
      [
        { kind: 'device', name: 'lender’s camera' },
        { kind: 'device', name: 'lender’s microphone' }
      ]
    );
    assert.deepEqual([borrower.opened, borrower.used], [[], ['camera lender', 'microphone lender']]);
    // Another device is a change, as it is for the lender.
    lender.views.camera = 'the other camera';
    lender.devices.changed();
    await until('the other name', () => camera.view.name === 'the other camera');
    assert.equal(borrower.used.filter((use) => use === 'camera lender').length, 2);
    await Promise.all([camera.close(), microphone.close()]);
  });

  it('are copied only as far as somebody wants them', async () => {
    const { lender } = await createPair();
    const { path, ticket } = await lender.devices.lend();
    const socket = connect(path);
    sockets.push(socket);
    const got: FromLender['type'][] = [];
    const reader = createLenderReader();
    socket.on('data', (chunk: Buffer) =>
      assert.equal(
        reader.push(chunk, ({ type }) => got.push(type)),
        null
      )
    );
    socket.write(writeFromBorrower({ type: 'hello', ticket: Buffer.from(ticket, 'hex') }));
    await until('a welcome', () => got.length === 5);
    const giveAll = (): void => {
      lender.give.picture('camera', 1);
      lender.give.sound(1);
    };
    await pass(500, giveAll);
    assert.deepEqual(got, ['welcome', 'state', 'state', 'state', 'state']);
    socket.write(writeFromBorrower({ type: 'want', kind: 'microphone', on: true }));
    await until('sound', () => got.length > 20, 20, giveAll);
    assert.equal(got.includes('picture'), false);
    socket.write(
      Buffer.concat([writeFromBorrower({ type: 'want', kind: 'microphone', on: false }), writeFromBorrower({ type: 'want', kind: 'camera', on: true })])
    );
    await until('pictures', () => lastOf(got) === 'picture', 20, giveAll);
    const sounds = got.filter((type) => type === 'sound').length;
    await pass(300, giveAll);
    assert.equal(got.filter((type) => type === 'sound').length, sounds);
    socket.write(writeFromBorrower({ type: 'want', kind: 'camera', on: false }));
    await pass(100);
    const count = got.length;
    await pass(300, giveAll);
    assert.equal(got.length, count);
  });

  it('are left out for a borrower that takes nothing, and memory for them does not grow', async () => {
    const { lender } = await createPair();
    const { path, ticket } = await lender.devices.lend();
    const socket = connect(path);
    sockets.push(socket);
    socket.write(writeFromBorrower({ type: 'hello', ticket: Buffer.from(ticket, 'hex') }));
    for (const kind of ['camera', 'microphone'] as const) socket.write(writeFromBorrower({ type: 'want', kind, on: true }));
    socket.pause();
    await until('it borrows', () => lender.said.borrowed.length === 1);
    await pass(100);
    let given = 0;
    for (; given < 2_000; given++) {
      lender.give.picture('camera', given % 200);
      lender.give.sound(given);
      if (given % 50 === 0) await nextTurn();
    }
    assert.equal(lender.taken.pictures.length, given, 'the lender’s own go on');
    let bytes = 0;
    let pictures = 0;
    const reader = createLenderReader();
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength;
      const error = reader.push(chunk, (message) => {
        if (message.type !== 'picture') return;
        pictures++;
        const luma = message.planes.subarray(0, SIZE.width * SIZE.height);
        assert.ok(
          luma.every((value) => value === luma[0]),
          'a picture was written over while it left'
        );
      });
      assert.equal(error, null);
    });
    socket.resume();
    await pass(500);
    // What the system's own buffers hold, a picture, ten blocks of sound and the words: a fraction of what was given.
    const each = (pictureMemory('camera', SIZE.width, SIZE.height)?.byteLength ?? 0) + 1_941;
    assert.ok(pictures > 1, 'no picture came');
    assert.ok(bytes > 0 && bytes < (given * each) / 4, `${bytes} of ${given * each} bytes`);
    await until(
      'it goes on',
      () => bytes > 1_000_000 || lender.give.picture('camera', 1) === false,
      20,
      () => lender.give.sound(1)
    );
  });

  it('serve whoever has the ticket, once, within 10 s, and leave no file', async () => {
    const { lender, borrower } = await createPair();
    const loan = await lender.devices.lend();
    if (isUnix) assert.equal((await stat(dirname(loan.path))).mode & 0o777, 0o700);
    const refused = async (wrong: Loan): Promise<void> => {
      const socket = connect(wrong.path);
      sockets.push(socket);
      socket.on('error', () => {});
      socket.on('data', () => assert.fail('a stranger is told something'));
      socket.write(writeFromBorrower({ type: 'hello', ticket: Buffer.from(wrong.ticket, 'hex') }));
      await once(socket, 'close');
    };
    await refused({ ...loan, ticket: '00'.repeat(32) });
    assert.deepEqual([lender.said.borrowed, lender.said.warnings], [[], ['CL_MEDIA_LOAN']]);
    // One that says nothing, and one that says something else.
    const mute = connect(loan.path);
    const rude = connect(loan.path);
    sockets.push(mute, rude);
    for (const socket of [mute, rude]) socket.on('error', () => {});
    rude.write(writeFromBorrower({ type: 'want', kind: 'camera', on: true }));
    await once(rude, 'close');
    const closed = once(mute, 'close');
    await pass(2_100);
    await closed;
    await borrower.devices.borrow(loan, async () => {});
    assert.deepEqual(borrower.said.warnings, []);
    await until('it is lent', () => lender.devices.lends());
    // The second with the same ticket: nobody listens any more.
    const second = createOne('second');
    await second.devices.borrow(loan, async () => {});
    assert.deepEqual([second.said.warnings, second.devices.known(), lender.said.borrowed], [['CL_MEDIA_LOAN'], true, [true]]);
    await goneIs(loan);
    // One that nobody fetches.
    const late = await lender.devices.lend();
    await pass(10_100);
    await goneIs(late);
    await second.devices.borrow(late, async () => {});
    assert.deepEqual(second.said.warnings, ['CL_MEDIA_LOAN', 'CL_MEDIA_LOAN']);
    // One that is replaced by another, which takes over from who borrows now.
    const [before, after] = [await lender.devices.lend(), await lender.devices.lend()];
    await second.devices.borrow(before, async () => {});
    assert.equal(second.said.warnings.length, 3);
    await second.devices.borrow(after, async () => {});
    await until('the first is told', () => lender.said.borrowed.length === 3);
    assert.deepEqual([lender.said.borrowed, second.said.warnings.length], [[true, false, true], 3]);
    await lender.devices[Symbol.asyncDispose]();
    await assert.rejects(lender.devices.lend(), hasCode('CL_CALL_WRONG_PHASE'));
  });

  it('are the borrower’s own when the lender is gone, at once', async () => {
    const { lender, borrower, camera, microphone, borrow } = await createPair();
    await borrow();
    const [lentCamera, lentMicrophone] = [await borrower.camera(), await borrower.microphone()];
    await until(
      'a picture',
      () => borrower.taken.pictures.length > 0,
      5,
      () => lender.give.picture('camera', 50)
    );
    await camera.close();
    await microphone.close();
    await lender.devices[Symbol.asyncDispose]();
    await until(
      'own pictures',
      () => lastOf(borrower.taken.pictures)?.includes(' 60 ') === true,
      1,
      () => {
        borrower.give.picture('camera', 60);
        borrower.give.sound(60);
      }
    );
    assert.equal(lastOf(borrower.taken.sounds), 60);
    assert.deepEqual([borrower.opened.toSorted(), borrower.taken.lost], [['camera', 'microphone'], 0]);
    assert.ok(clock.monotonicMs() < 1_000, 'it waited');
    assert.equal(lentCamera.view.name, 'borrower’s camera');
    assert.deepEqual(borrower.used.slice(-2).toSorted(), ['camera own', 'microphone own']);
    await Promise.all([lentCamera.close(), lentMicrophone.close()]);
    assert.equal(machine.open.size, 0);
  });

  it('are opened by the borrower while the lender has closed them, and let go before the lender opens them again', async () => {
    const { lender, borrower, camera, borrow } = await createPair();
    await borrow();
    const lent = await borrower.camera();
    await until(
      'a picture',
      () => borrower.taken.pictures.length > 0,
      5,
      () => lender.give.picture('camera', 50)
    );
    await camera.close();
    await pass(200);
    assert.equal(machine.open.get('camera'), undefined, 'it may be for a moment');
    await until('the own one', () => machine.open.get('camera') === 'borrower', 20);
    await until(
      'its picture',
      () => lastOf(borrower.taken.pictures)?.includes(' 60 ') === true,
      5,
      () => borrower.give.picture('camera', 60)
    );
    // The fake fails where both have it.
    const opening = lender.camera();
    await until('the lender has it', () => machine.open.get('camera') === 'lender', 5);
    const again = await opening;
    await until(
      'the lender’s picture',
      () => lastOf(borrower.taken.pictures)?.includes(' 70 ') === true,
      5,
      () => lender.give.picture('camera', 70)
    );
    assert.deepEqual(borrower.used, ['camera lender', 'camera own', 'camera lender']);
    // A lender that opens and cannot: the borrower has it back.
    await again.close();
    machine.refuses.add('lender');
    await assert.rejects(lender.camera());
    await until('the own one again', () => machine.open.get('camera') === 'borrower', 20);
    await lent.close();
    assert.equal(machine.open.get('camera'), undefined);
    // The borrower has none open: the lender need not wait.
    machine.refuses.clear();
    const before = clock.monotonicMs();
    const third = lender.camera();
    await until('opened', () => machine.open.get('camera') === 'lender');
    assert.equal(clock.monotonicMs(), before);
    await (await third).close();
  });

  it('are the own ones after two seconds without anything, and the lender’s again when that gives', async () => {
    const { lender, borrower, borrow } = await createPair();
    await borrow();
    const lent = await borrower.microphone();
    // As a process that stands still: its device is not open in this machine's sense.
    machine.open.delete('microphone');
    await pass(1_900);
    assert.deepEqual(borrower.opened, []);
    await until('the own one', () => machine.open.get('microphone') === 'borrower', 20);
    await until(
      'its sound',
      () => lastOf(borrower.taken.sounds) === 60,
      20,
      () => borrower.give.sound(60)
    );
    await pass(2_500, () => borrower.give.sound(60));
    await until(
      'the lender’s sound',
      () => lastOf(borrower.taken.sounds) === 50,
      20,
      () => lender.give.sound(50)
    );
    assert.equal(machine.open.get('microphone'), undefined, 'its own is closed');
    machine.open.set('microphone', 'lender');
    await pass(3_000, () => lender.give.sound(50));
    assert.deepEqual(
      [borrower.opened, borrower.used],
      [['microphone'], ['microphone lender', 'microphone own', 'microphone lender'].slice(-2).toSpliced(0, 0)]
    );
    await lent.close();
  });

  it('are shared screens where both share the same thing, and else two', async () => {
    const { lender, borrower, borrow } = await createPair();
    await borrow();
    const shared = await lender.screen('window:1');
    const lent = await borrower.screen('window:1');
    await until(
      'its picture',
      () => borrower.taken.pictures.length > 0,
      5,
      () => lender.give.picture('screen', 30)
    );
    assert.deepEqual(borrower.opened, []);
    await lent.close();
    machine.open.delete('screen'); // as what can be grabbed twice
    const opening = borrower.screen('window:2');
    await until('the other one', () => machine.open.get('screen') === 'borrower', 20);
    const other = await opening;
    borrower.taken.pictures = [];
    lender.give.picture('screen', 30);
    borrower.give.picture('screen', 40);
    await pass(100);
    assert.deepEqual(
      borrower.taken.pictures.map((picture) => picture.split(' ')[1]),
      ['40']
    );
    // What cannot be opened is told to who asked, as without a loan.
    await other.close();
    machine.refuses.add('borrower');
    const refused = assert.rejects(borrower.screen('window:2'), hasCode('CL_MEDIA_SOURCE'));
    await pass(400);
    await refused;
    machine.open.set('screen', 'lender');
    await shared.close();
  });

  it('take what the borrower received to where the loudspeaker is, and keys; what nobody plays there is the borrower’s to play', async () => {
    const { lender, borrower, borrow } = await createPair();
    await borrow();
    await until('it is told who plays', () => lastOf(borrower.said.elsewhere) === true);
    borrower.devices.received({ timestampUs: 20_000, data: Uint8Array.of(7) });
    borrower.devices.received({ timestampUs: 40_000, data: new Uint8Array(5_000) });
    borrower.devices.received({ timestampUs: 60_000, data: Uint8Array.of(9) });
    borrower.devices.key('#');
    await until('it is heard', () => lender.said.keys.length === 1);
    assert.deepEqual(lender.played, [
      ['borrower', 20_007],
      ['borrower', 60_009]
    ]);
    assert.deepEqual([lender.said.keys, lender.said.borrowed], [['#'], [true]]);
    await lender.devices.setPlays(false);
    await until('the borrower plays', () => lastOf(borrower.said.elsewhere) === false, 20);
    borrower.devices.received({ timestampUs: 80_000, data: Uint8Array.of(1) });
    await pass(100);
    assert.equal(lender.played.length, 2);
    await lender.devices.setPlays(true);
    assert.equal(lastOf(borrower.said.elsewhere), true, 'the borrower plays no more when the lender may');
    await lender.devices[Symbol.asyncDispose]();
    await until('the borrower plays for good', () => lastOf(borrower.said.elsewhere) === false);
    assert.deepEqual(lender.said.borrowed, [true, false]);
  });

  it('are not waited for where the borrower hangs: the lender opens its own after three seconds', async () => {
    const { lender, camera } = await createPair();
    const { path, ticket } = await lender.devices.lend();
    const socket = connect(path);
    sockets.push(socket);
    socket.write(writeFromBorrower({ type: 'hello', ticket: Buffer.from(ticket, 'hex') }));
    await until('it borrows', () => lender.devices.lends());
    await camera.close();
    const opening = lender.camera();
    await pass(2_900);
    assert.equal(machine.open.get('camera'), undefined);
    await until('it has it', () => machine.open.get('camera') === 'lender', 20);
    await (await opening).close();
    // One that is gone is not waited for at all.
    const next = lender.camera();
    socket.destroy();
    await until('at once', () => machine.open.get('camera') === 'lender');
    await (await next).close();
  });

  it('are closed, and nothing is left, whenever the borrower closes its source: before a picture, while it opens its own, while the sink is busy', async () => {
    const { lender, borrower, camera, borrow } = await createPair();
    await borrow();
    await (await borrower.camera()).close();
    const busy = Promise.withResolvers<void>();
    borrower.taken.busy = busy.promise;
    const held = await borrower.camera();
    await until(
      'a picture',
      () => borrower.taken.pictures.length > 0,
      5,
      () => lender.give.picture('camera', 50)
    );
    let closed = false;
    const closing = held.close().then(() => {
      closed = true;
    });
    await pass(100, () => lender.give.picture('camera', 51));
    assert.deepEqual([closed, borrower.taken.pictures.length], [false, 1], 'the sink still reads the picture');
    busy.resolve();
    await closing;
    await camera.close();
    const opening = borrower.camera();
    await until('its own', () => machine.open.get('camera') === 'borrower', 20);
    await (await opening).close();
    assert.equal(machine.open.get('camera'), undefined);
  });
});
