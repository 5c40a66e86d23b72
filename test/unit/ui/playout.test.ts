import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Lateness, SoundBuffer } from '../../../src/media/playout/sound-buffer.ts';
import { extraSoundDelay, PictureQueue } from '../../../src/ui/display/playout.ts';

const RATE = 48_000;
const PACKET_MS = 20;
const PACKET_FRAMES = 960;
const BLOCK_FRAMES = 128;
const BLOCK_MS = (BLOCK_FRAMES * 1000) / RATE;

type Packet = { readonly arrivesMs: number; readonly mediaMs: number };

/** Plays packets as the audio thread would; each sample's value is its media time in seconds, so that what is heard can be placed. */
function play(packets: readonly Packet[], forMs: number, atMs: (ms: number, buffer: SoundBuffer) => void = () => undefined, record = true) {
  const buffer = new SoundBuffer(1, RATE);
  const output = new Float32Array(BLOCK_FRAMES);
  const heard: number[] = [];
  let next = 0;
  for (let ms = 0; ms < forMs; ms += BLOCK_MS) {
    for (let packet = packets[next]; packet !== undefined && packet.arrivesMs <= ms; packet = packets[next]) {
      const startMs = packet.mediaMs;
      buffer.push(startMs * 1000, [Float32Array.from({ length: PACKET_FRAMES }, (_, frame) => 1 + startMs / 1000 + frame / RATE)]);
      next += 1;
    }
    atMs(ms, buffer);
    buffer.pull([output]);
    if (record) heard.push(...output);
  }
  return { buffer, heard, report: buffer.report() };
}

const stream = (count: number, arrival: (index: number) => number): Packet[] =>
  Array.from({ length: count }, (_, index) => ({ arrivesMs: arrival(index), mediaMs: index * PACKET_MS }));

/** A fixed sequence of numbers in [0, 1). */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

describe('ui/display/playout: sound', () => {
  it('plays an even stream whole, in order, 40 ms after it came', () => {
    const { heard, report } = play(
      stream(200, (index) => index * PACKET_MS),
      4100
    );
    const first = heard.findIndex((sample) => sample > 0);
    assert.ok(Math.abs((first * 1000) / RATE - 40) < 6, `first sound after ${(first * 1000) / RATE} ms`);
    const sounding = heard.filter((sample) => sample > 0);
    assert.equal(sounding.length, 200 * PACKET_FRAMES);
    assert.ok(sounding.every((sample, index) => index === 0 || sample > (sounding[index - 1] ?? 0)));
    assert.equal(report.gapMs, 0);
    assert.equal(Math.round(report.playedMs), 4000);
  });

  it('grows its delay with the jitter, and then plays without gaps', () => {
    const random = noise(7);
    let gapAtHalf = 0;
    let last = 0;
    const packets = stream(1500, (index) => {
      last = Math.max(last, index * PACKET_MS + random() * 120);
      return last;
    });
    const { report } = play(packets, 30_000, (ms, buffer) => {
      if (ms < 15_000) gapAtHalf = buffer.report().gapMs;
    });
    assert.ok(report.delayMs > 90 && report.delayMs < 180, `delay ${report.delayMs} ms`);
    assert.ok(gapAtHalf < 200, `gaps while it learned: ${gapAtHalf} ms`);
    assert.equal(report.gapMs, gapAtHalf);
  });

  it('moves back to a packet that comes too late instead of dropping it, and counts the gap', () => {
    const packets = stream(300, (index) => index * PACKET_MS + (index >= 100 && index < 110 ? (110 - index) * PACKET_MS : 0));
    const { heard, report } = play(packets, 6500);
    // packet 100 comes 200 ms late, 40 ms were in hand, and a margin for the next one is put in
    assert.ok(report.gapMs >= 155 && report.gapMs <= 185, `gap ${report.gapMs} ms`);
    const sounding = heard.filter((sample) => sample > 0);
    assert.ok(
      sounding.every((sample, index) => index === 0 || sample > (sounding[index - 1] ?? 0)),
      'nothing is played twice or out of order'
    );
    assert.ok(sounding.length > 299 * PACKET_FRAMES * 0.98, 'nothing but a little speed is lost');
  });

  it('makes room with the first late burst, so that the next one a little later still is not heard', () => {
    const late = (index: number): number => (index < 105 ? 0 : 6) + 100;
    const burst = (index: number): boolean => (index >= 100 && index < 105) || (index >= 110 && index < 115);
    const gaps: number[] = [];
    play(
      stream(200, (index) => (burst(index) ? Math.floor(index / 5) * 100 + late(index) : index * PACKET_MS)),
      4200,
      (_, buffer) => gaps.push(buffer.report().gapMs)
    );
    const afterFirst = gaps[Math.round(2190 / BLOCK_MS)];
    assert.ok((afterFirst ?? 0) > 50);
    assert.equal(gaps.at(-1), afterFirst);
  });

  it('plays nothing twice: not what came twice, nor when a silence is made longer', () => {
    const inOrder = (heard: readonly number[]): boolean => {
      const sounding = heard.filter((sample) => sample > 0);
      return sounding.length > 0 && sounding.every((sample, index) => index === 0 || sample > (sounding[index - 1] ?? 0));
    };
    const twice = new SoundBuffer(1, RATE);
    for (const [timestampUs, sample] of [
      [0, 1],
      [0, 2],
      [10_000, 3],
      [-20_000, 4]
    ] as const)
      twice.push(timestampUs, [new Float32Array(PACKET_FRAMES).fill(sample)]);
    const output = new Float32Array(4800);
    twice.pull([output]);
    assert.deepEqual([...new Set(output)], [0, 1]);
    const pausing = stream(200, (index) => index * PACKET_MS).filter((_, index) => index < 100 || index > 103);
    const stretched = play(pausing, 4400, (ms, buffer) => {
      if (ms > 1900) buffer.setExtraDelay(Math.min(150, Math.floor(ms - 1900)));
    });
    assert.ok(inOrder(stretched.heard));
  });

  it('goes on with what comes when everything is suddenly later than it ever waits', () => {
    const packets = stream(600, (index) => index * PACKET_MS + (index >= 100 ? 1500 : 0));
    const played: number[] = [];
    const { report } = play(
      packets,
      13_500,
      (ms, buffer) => {
        if (Math.floor(ms / 1000) > played.length) played.push(buffer.report().playedMs);
      },
      false
    );
    const [before = 0, after = 0] = [played[4], played[5]]; // in the second after 5 s; the step is at 2 s
    assert.ok(after - before > 950, `${after - before} ms of sound in a second`);
    assert.ok(report.gapMs < 1500 + 1000, `gaps ${report.gapMs} ms`);
  });

  it('shrinks slowly once the network is quiet again', () => {
    const packets = stream(3000, (index) => (index >= 50 && index < 60 ? 1200 : index * PACKET_MS));
    const delays: number[] = [];
    const { report } = play(
      packets,
      60_000,
      (ms, buffer) => {
        if (Math.floor(ms / 1000) > delays.length) delays.push(buffer.report().delayMs);
      },
      false
    );
    assert.ok((delays[2] ?? 0) > 150, `delay after the burst ${delays[2]} ms`);
    assert.ok(report.delayMs < 60, `delay at the end ${report.delayMs} ms`);
    const steps = delays.slice(3).map((delay, index) => delay - (delays[index + 2] ?? 0));
    assert.ok(
      steps.every((step) => step > -31 && step < 5),
      `steps of ${Math.min(...steps)} to ${Math.max(...steps)} ms a second`
    );
  });

  /** Packets of the time in which nothing gets through all come at its end. */
  const stalled = (count: number, stalls: readonly (readonly [fromMs: number, toMs: number])[]): Packet[] =>
    stream(count, (index) => stalls.find(([from, to]) => index * PACKET_MS >= from && index * PACKET_MS < to)?.[1] ?? index * PACKET_MS);
  const delaysOf = (packets: readonly Packet[], forMs: number) => {
    const delays: { readonly delayMs: number; readonly gapMs: number }[] = [];
    play(
      packets,
      forMs,
      (ms, buffer) => {
        if (Math.floor(ms / 1000) > delays.length) delays.push(buffer.report());
      },
      false
    );
    return delays; // [0] after a second
  };

  it('does not make a call wait for what stood still while it began', () => {
    const [, , third] = delaysOf(stalled(400, [[300, 900]]), 7000);
    assert.ok((third?.delayMs ?? 0) < 60, `${third?.delayMs} ms after three seconds`);
  });

  it('forgets soon what stood still once', () => {
    const delays = delaysOf(stalled(1500, [[10_000, 10_200]]), 25_000);
    assert.ok((delays[10]?.delayMs ?? 0) > 100, `${delays[10]?.delayMs} ms after it`);
    assert.ok((delays[16]?.delayMs ?? 0) < 80, `${delays[16]?.delayMs} ms six seconds later`);
  });

  it('remembers what stands still again and again, so that it is not heard for long', () => {
    const stalls = Array.from({ length: 12 }, (_, index) => [5_000 + index * 4_000, 5_120 + index * 4_000] as const);
    const delays = delaysOf(stalled(2600, stalls), 50_000);
    assert.ok((delays[4]?.gapMs ?? 0) < 1, 'nothing is missing before');
    assert.ok((delays[14]?.gapMs ?? 0) > 50, 'the first are heard');
    assert.equal(Math.round(delays.at(-1)?.gapMs ?? 0), Math.round(delays[14]?.gapMs ?? 0));
  });

  it('follows a clock that is 0.1 % off for a minute, without gaps', () => {
    for (const drift of [0.999, 1.001]) {
      const { report } = play(
        stream(3000, (index) => index * PACKET_MS * drift),
        59_900,
        () => undefined,
        false
      );
      assert.equal(report.gapMs, 0, `drift ${drift}`);
      assert.ok(report.delayMs > 20 && report.delayMs < 60, `drift ${drift}: delay ${report.delayMs} ms`);
    }
  });

  it('takes a silence of the sender (DTX) for what it is: no gap', () => {
    const packets = Array.from({ length: 200 }, (_, index) => {
      const mediaMs = index * PACKET_MS + (index >= 100 ? 3000 : 0);
      return { arrivesMs: mediaMs, mediaMs };
    });
    const { report } = play(packets, 7200);
    assert.equal(report.gapMs, 0);
    assert.equal(Math.round(report.playedMs), 4000);
  });

  it('plays a lost packet as silence of its own length and does not count it as played', () => {
    const packets = stream(100, (index) => index * PACKET_MS).filter((_, index) => index !== 50);
    const { heard, report } = play(packets, 2200);
    assert.equal(Math.round(report.playedMs), 99 * PACKET_MS);
    const begin = heard.findIndex((sample) => sample > 0);
    const hole = heard.slice(begin, begin + 100 * PACKET_FRAMES).filter((sample) => sample === 0).length;
    assert.equal(hole, PACKET_FRAMES);
  });

  it('pauses once for a large extra delay, then plays on without loss', () => {
    const { report } = play(
      stream(500, (index) => index * PACKET_MS),
      9500,
      (ms, buffer) => {
        if (ms > 2000) buffer.setExtraDelay(150);
      }
    );
    assert.ok(Math.abs(report.gapMs - 150) < 5, `gap ${report.gapMs} ms`);
    assert.ok(Math.abs(report.delayMs - 190) < 12, `delay ${report.delayMs} ms`);
  });

  it('begins anew where the media clock jumps, and never keeps more than its ring', () => {
    const before = stream(50, (index) => index * PACKET_MS);
    const after = stream(50, (index) => 1000 + index * PACKET_MS).map((packet) => ({ ...packet, mediaMs: packet.mediaMs + 90_000_000 }));
    const { report } = play([...before, ...after], 2200);
    assert.ok((report.positionUs ?? 0) > 90_000_000_000);
    assert.ok(report.playedMs > 1900);
  });

  it('never plays anything but silence and what it was given, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: -1e9, max: 1e12, noNaN: true }), fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 20 })), {
          maxLength: 30
        }),
        (steps) => {
          const buffer = new SoundBuffer(2, RATE);
          const left = new Float32Array(BLOCK_FRAMES);
          const right = new Float32Array(BLOCK_FRAMES);
          for (const [timestampUs, length, blocks] of steps) {
            buffer.push(timestampUs, [new Float32Array(length).fill(0.5), new Float32Array(length).fill(-0.5)]);
            for (let block = 0; block < blocks; block += 1) {
              buffer.pull([left, right]);
              assert.ok(left.every((sample) => sample === 0 || Math.abs(sample - 0.5) < 1e-6));
              assert.ok(right.every((sample) => sample === 0 || Math.abs(sample + 0.5) < 1e-6));
            }
            const report = buffer.report();
            assert.ok(Number.isFinite(report.gapMs) && report.gapMs >= 0 && Number.isFinite(report.delayMs));
          }
        }
      ),
      { numRuns: 100 }
    );
  });
});

describe('ui/display/playout: lateness', () => {
  it('measures against the quickest, and lets it go after two windows', () => {
    const lateness = new Lateness();
    lateness.observe(1000, 0);
    lateness.observe(1030, 20);
    assert.equal(lateness.quickestTransitMs, 1000);
    assert.equal(lateness.peakMs, 10);
    for (let ms = 2000; ms < 14_000; ms += 20) lateness.observe(ms + 1050, ms);
    assert.equal(lateness.quickestTransitMs, 1050);
  });
});

describe('ui/display/playout: picture', () => {
  const picture = (index: number, arrivedMs: number, captureMs: number | null = null) => ({
    picture: index,
    timestampUs: index * 33_333,
    captureMs,
    arrivedMs
  });

  it('shows the first picture, and each of an even stream, at once', () => {
    const queue = new PictureQueue<number>();
    for (let index = 0; index < 60; index += 1) {
      const nowMs = 5000 + index * 33.333;
      queue.add(picture(index, nowMs));
      assert.equal(queue.take(nowMs + 1, null).show?.picture, index);
    }
  });

  it('holds a picture that is too far ahead of its sound, and lets it go in time', () => {
    const queue = new PictureQueue<number>();
    queue.add(picture(0, 0, 1000));
    assert.equal(queue.take(10, 850).show, null);
    assert.equal(queue.take(60, 879).show, null);
    assert.equal(queue.take(70, 881).show?.picture, 0);
  });

  it('never holds a picture where there is no sound, nor for ever where the clocks disagree', () => {
    const queue = new PictureQueue<number>();
    queue.add(picture(0, 0, 1000));
    assert.equal(queue.take(1, null).show?.picture, 0);
    queue.add(picture(1, 34, 1e9));
    assert.equal(queue.take(40, 0).show, null);
    assert.equal(queue.take(340, 0).show?.picture, 1);
  });

  it('goes on showing pictures at any frame rate while the sound is far behind', () => {
    for (const fps of [30, 60]) {
      const queue = new PictureQueue<number>();
      let shown = 0;
      for (let index = 0; index < 2 * fps; index += 1) {
        const nowMs = (index * 1000) / fps;
        queue.add(picture(index, nowMs, nowMs));
        if (queue.take(nowMs + 1, nowMs - 700).show !== null) shown += 1;
      }
      assert.ok(shown > fps, `${shown} of ${2 * fps} pictures were shown`);
    }
  });

  it('shows the newest that is due and gives the others back', () => {
    const queue = new PictureQueue<number>();
    for (let index = 0; index < 4; index += 1) queue.add(picture(index, index * 33.333));
    const taken = queue.take(200, null);
    assert.equal(taken.show?.picture, 3);
    assert.deepEqual(taken.skipped, [0, 1, 2]);
  });

  it('gives every picture back exactly once and keeps a bounded number', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.record({ addAfterMs: fc.integer({ min: 0, max: 200 }) }),
            fc.record({ takeAfterMs: fc.integer({ min: 0, max: 200 }), heard: fc.option(fc.integer({ min: 0, max: 20_000 })) })
          ),
          {
            maxLength: 80
          }
        ),
        (steps) => {
          const queue = new PictureQueue<number>();
          const returned: number[] = [];
          let added = 0;
          let nowMs = 0;
          for (const step of steps) {
            if ('addAfterMs' in step) {
              nowMs += step.addAfterMs;
              returned.push(...queue.add(picture(added, nowMs, nowMs)));
              added += 1;
            } else {
              nowMs += step.takeAfterMs;
              const { show, skipped } = queue.take(nowMs, step.heard);
              returned.push(...skipped, ...(show === null ? [] : [show.picture]));
            }
            assert.ok(queue.length <= 20);
          }
          returned.push(...queue.clear());
          assert.deepEqual(
            returned,
            Array.from({ length: added }, (_, index) => index)
          );
        }
      )
    );
  });

  it('smooths a stream that jitters: the gaps between shown pictures get more even', () => {
    const random = noise(3);
    const queue = new PictureQueue<number>();
    const arrivals: number[] = [];
    for (let index = 0, last = 0; index < 300; index += 1) {
      last = Math.max(last, index * 33.333 + random() * 60);
      arrivals.push(last);
    }
    const shownAt: number[] = [];
    let next = 0;
    for (let nowMs = 0; nowMs < 10_000; nowMs += 1000 / 60) {
      for (; (arrivals[next] ?? Number.POSITIVE_INFINITY) <= nowMs; next += 1) queue.add(picture(next, arrivals[next] ?? 0));
      if (queue.take(nowMs, null).show !== null) shownAt.push(nowMs);
    }
    const spread = (times: readonly number[]): number => {
      const steps = times.slice(61).map((time, index) => time - (times[index + 60] ?? 0));
      return Math.sqrt(steps.reduce((sum, step) => sum + (step - 33.333) ** 2, 0) / steps.length);
    };
    assert.ok(spread(shownAt) < spread(arrivals) * 0.8, `${spread(shownAt)} of ${spread(arrivals)}`);
  });
});

describe('ui/display/playout: sound that waits for the picture', () => {
  it('grows at once when the picture is later than people accept, stays within it, shrinks slowly after', () => {
    assert.equal(extraSoundDelay(200, 0), 180);
    assert.equal(extraSoundDelay(30, 100), 100);
    assert.equal(extraSoundDelay(-50, 100), 95);
    assert.equal(extraSoundDelay(5000, 0), 400);
    assert.equal(extraSoundDelay(null, 100), 0);
  });
});
