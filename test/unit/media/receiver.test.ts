import assert from 'node:assert/strict';
import { createReceiver } from '../../../src/media/receiver.ts';
import { packetizeVp8 } from '../../../src/media/rtp/vp8.ts';
import { CLOCK_RATES, type MediaKind, type NegotiatedMedia, type PictureKind } from '../../../src/media/streams.ts';
import { createFakeClock } from '../../fakes/clock.ts';

const VP8 = { codec: 'VP8', payloadType: 96 } as const;
const ALL: NegotiatedMedia = { audio: { codec: 'opus', payloadType: 111 }, video: VP8, screen: VP8, keys: null };
const AUDIO_CONFIG = 'audio-config opus';

/** A receiver, and what it says: each word for the display in its order, a frame by the number that is its last two bytes. */
function createWorld(roundTripMs: number | null = null) {
  const clock = createFakeClock();
  const said: string[] = [];
  const captured: (number | null)[] = [];
  const asked: PictureKind[] = [];
  let changes = 0;
  const receiver = createReceiver({
    clock,
    feed: {
      sendFrame({ kind, captureMs, data }) {
        said.push(`${kind} ${Buffer.from(data).readUInt16BE(data.byteLength - 2)}`);
        captured.push(captureMs);
      },
      sendMessage(message) {
        if (message.type === 'state') said.push(['state', ...Object.entries(message.receiving).flatMap(([kind, on]) => (on ? [kind] : []))].join(' '));
        else if (message.type === 'audio-config') said.push(`audio-config ${message.codec}`);
        else if (message.type === 'picture-config') said.push(`config ${message.of} ${message.codec} ${message.width}x${message.height}`);
      }
    },
    requestKeyframe: (kind) => asked.push(kind),
    roundTripMs: () => roundTripMs,
    onChange: () => {
      changes += 1;
    }
  });
  const sequence = { audio: 0, video: 0, screen: 0 };
  const take = (kind: MediaKind, payload: Uint8Array): void => {
    sequence[kind] += 1;
    const nowMs = clock.monotonicMs();
    receiver.take(kind, { payload, marker: true, timestamp: nowMs * (CLOCK_RATES[kind] / 1_000), sequenceNumber: sequence[kind], arrivedAtMs: nowMs });
  };
  const picture = (kind: PictureKind, data: readonly number[], number: number): void => {
    for (const payload of packetizeVp8(Buffer.from([...data, number >> 8, number & 0xff]), number, 1_200)) take(kind, payload);
  };
  return {
    clock,
    receiver,
    asked,
    captured,
    changes: () => changes,
    /** @returns what was said since it was asked last */
    said: () => said.splice(0),
    sound: (number: number) => take('audio', Buffer.from([number >> 8, number & 0xff])),
    // RFC 6386 section 9.1: the size of a keyframe is 14 bits each, the least significant byte first.
    key: (kind: PictureKind, number: number, width = 640, height = 360) =>
      picture(kind, [0x10, 0, 0, 0x9d, 0x01, 0x2a, width & 0xff, width >> 8, height & 0xff, height >> 8], number),
    delta: (kind: PictureKind, number: number) => picture(kind, [0x11], number),
    /** One packet of this kind is lost on its way. */
    lose(kind: MediaKind) {
      sequence[kind] += 1;
    }
  };
}

const numbersOf = (said: readonly string[], kind: string): number[] =>
  said.flatMap((word) => (word.startsWith(`${kind} `) ? [Number(word.slice(kind.length + 1))] : []));

describe('receiver', () => {
  it('says and asks nothing before open(), whatever comes and however long it takes', () => {
    const { clock, receiver, said, asked, changes, sound, key, delta, lose } = createWorld();
    sound(1);
    key('video', 1);
    lose('video');
    delta('video', 2);
    receiver.setSenderClock('video', { rtpTimestamp: 0, captureMs: 5 });
    receiver.end('screen');
    clock.advance(10_000);
    assert.deepEqual([said(), asked, changes(), clock.pending], [[], [], 0, 0]);
    assert.equal(receiver.figures('video').receiving, false);
  });

  it('then hands over what it held, in the order in which it came', () => {
    const { receiver, said, sound, key, delta } = createWorld();
    sound(1);
    key('video', 2);
    sound(3);
    delta('video', 4);
    receiver.open(ALL);
    assert.deepEqual(
      said().filter((word) => !word.startsWith('state')),
      [AUDIO_CONFIG, 'audio 1', 'config video vp8 640x360', 'video-key 2', 'audio 3', 'video-delta 4']
    );
  });

  it('holds 1,024 packets of all kinds together, the first that came, and none of them twice', () => {
    const { receiver, said, sound, key } = createWorld();
    key('video', 7);
    for (let number = 1; number <= 2_000; number++) sound(number);
    receiver.open(ALL);
    const first = said();
    assert.deepEqual(numbersOf(first, 'video-key'), [7]);
    assert.deepEqual(
      numbersOf(first, 'audio'),
      Array.from({ length: 1_023 }, (_, index) => index + 1)
    );
  });

  it('gives the display no kind that was not negotiated', () => {
    const { receiver, said, sound, key } = createWorld();
    key('screen', 1);
    receiver.open({ ...ALL, screen: null });
    key('screen', 2);
    sound(3);
    assert.deepEqual(said(), [AUDIO_CONFIG, 'state audio', 'audio 3']);
  });

  it('tells a configuration once, and again when the size changes, always before the frame that has it', () => {
    const { receiver, said, key, delta } = createWorld();
    receiver.open({ ...ALL, audio: null });
    key('video', 1);
    delta('video', 2);
    key('video', 3);
    key('video', 4, 320, 180);
    key('screen', 5, 320, 180);
    key('video', 6);
    assert.deepEqual(
      said().filter((word) => !word.startsWith('state')),
      [
        'config video vp8 640x360',
        'video-key 1',
        'video-delta 2',
        'video-key 3',
        'config video vp8 320x180',
        'video-key 4',
        'config screen vp8 320x180',
        'screen-key 5',
        'config video vp8 640x360',
        'video-key 6'
      ]
    );
    assert.deepEqual([receiver.figures('video').width, receiver.figures('video').height, receiver.figures('video').frames], [640, 360, 5]);
  });

  it('shows ten configurations in a second and no more, though each packet has another, asks for a keyframe then, and goes on with it', () => {
    const { clock, receiver, said, asked, key, delta } = createWorld();
    receiver.open({ ...ALL, audio: null });
    for (let number = 1; number <= 1_000; number++) {
      key('video', number, number % 2 === 0 ? 640 : 320, 180);
      clock.advance(1);
    }
    assert.equal(said().filter((word) => word.startsWith('config')).length, 10);
    clock.advance(1_000);
    for (let number = 0; number <= 10; number++) key('video', 1_000 + number, number % 2 === 0 ? 640 : 320, 360);
    delta('video', 1_012);
    said();
    assert.ok(asked.length > 2);
    asked.length = 0;
    delta('video', 1_013);
    assert.deepEqual([said(), asked], [[], ['video']]);
    receiver.end('video');
    delta('video', 1_014);
    key('video', 1_015, 320);
    delta('video', 1_016);
    assert.deepEqual([said().filter((word) => !word.startsWith('state')), asked], [['video-key 1015', 'video-delta 1016'], ['video']]);
  });

  it('says when something begins to come, before its first frame, and when it comes no more: sound after a second, a shared page after four', () => {
    const { clock, receiver, said, changes, sound, key } = createWorld();
    receiver.open(ALL);
    clock.advance(1_000);
    assert.deepEqual([said(), changes()], [[AUDIO_CONFIG], 0]);
    sound(1);
    clock.advance(200);
    key('screen', 2);
    assert.deepEqual(said(), ['state audio', 'audio 1', 'state audio screen', 'config screen vp8 640x360', 'screen-key 2']);
    clock.advance(700);
    assert.deepEqual([said(), receiver.figures('audio').receiving], [[], true]);
    clock.advance(300);
    assert.deepEqual([said(), receiver.figures('audio').receiving], [['state screen'], false]);
    clock.advance(2_900);
    assert.deepEqual([said(), receiver.figures('screen').receiving], [[], true]);
    clock.advance(500);
    assert.deepEqual([said(), receiver.figures('screen').receiving, changes()], [['state'], false, 4]);
  });

  it('says at once that a picture was ended, shows nothing more of it that was on its way, and begins again with a keyframe', () => {
    const { clock, receiver, said, key, delta } = createWorld();
    receiver.open(ALL);
    key('screen', 1);
    clock.advance(500);
    said();
    receiver.end('screen');
    assert.deepEqual(said(), ['state']);
    clock.advance(500);
    delta('screen', 2);
    delta('screen', 3);
    clock.advance(500);
    assert.deepEqual([said(), receiver.figures('screen').receiving], [[], false]);
    key('screen', 4);
    delta('screen', 5);
    assert.deepEqual(said(), ['state screen', 'screen-key 4', 'screen-delta 5']);
  });

  it('says so at most once each 100 ms, though a picture ends and begins with each packet, and says what is so in the end', () => {
    for (const live of [true, false]) {
      const { clock, receiver, said, changes, key } = createWorld();
      receiver.open({ ...ALL, audio: null });
      for (let number = 1; number <= 1_000; number++) {
        key('video', number);
        key('screen', number);
        receiver.end('video');
        receiver.end('screen');
        clock.advance(1);
      }
      if (live) key('screen', 1_001);
      clock.advance(120);
      const states = said().filter((word) => word.startsWith('state'));
      assert.ok(states.length >= 2 && states.length <= 12, `${states.length} in a second`);
      assert.deepEqual([states.at(-1), changes()], [live ? 'state screen' : 'state', states.length]);
    }
  });

  for (const [kind, roundTripMs, windowMs] of [
    ['video', null, 100],
    ['video', 50, 300],
    ['video', 400, 600],
    ['screen', 50, 800],
    ['screen', 900, 2_000]
  ] as const) {
    it(`waits ${windowMs} ms for the repair of ${kind} where the round trip is ${roundTripMs ?? 'unknown'}, then asks for a keyframe until one comes`, () => {
      const { clock, receiver, asked, said, key, delta, lose } = createWorld(roundTripMs);
      receiver.open(ALL);
      key(kind, 1);
      clock.advance(40); // the first tick has told the window
      lose(kind);
      delta(kind, 3);
      clock.advance(windowMs - 40);
      assert.deepEqual(asked, []);
      clock.advance(80);
      assert.deepEqual(asked, [kind]);
      clock.advance(500);
      assert.deepEqual(asked, [kind, kind]);
      delta(kind, 4);
      key(kind, 5);
      clock.advance(2_000);
      assert.deepEqual(asked, [kind, kind]);
      const shown = said();
      assert.deepEqual([numbersOf(shown, `${kind}-key`), numbersOf(shown, `${kind}-delta`)], [[1, 5], []]);
    });
  }

  it('goes on with the next sound where one is lost, and asks for nothing', () => {
    const { clock, receiver, asked, said, sound, lose } = createWorld();
    receiver.open(ALL);
    sound(1);
    lose('audio');
    sound(3);
    clock.advance(100);
    assert.deepEqual([numbersOf(said(), 'audio'), asked], [[1, 3], []]);
  });

  it('puts frames on the clock of the sender once that is known', () => {
    const { clock, receiver, captured, key, delta } = createWorld();
    receiver.open(ALL);
    key('video', 1);
    receiver.setSenderClock('video', { rtpTimestamp: 0, captureMs: 50_000 });
    clock.advance(40);
    delta('video', 2);
    assert.deepEqual(captured, [null, 50_040]);
  });

  it('leaves no timer behind', async () => {
    const { clock, receiver } = createWorld();
    receiver.open(ALL);
    assert.equal(clock.pending, 1);
    await receiver.close();
    assert.equal(clock.pending, 0);
  });
});
