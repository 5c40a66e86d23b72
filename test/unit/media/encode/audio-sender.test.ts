import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createAudioSender } from '../../../../src/media/encode/audio-sender.ts';
import type { MediaFailure } from '../../../../src/media/port.ts';
import type { RtpPayload, SenderClock } from '../../../../src/media/streams.ts';
import { createFakeClock } from '../../../fakes/clock.ts';
import { createFakeAudioEncoder, createFakeAudioSource } from './fakes.ts';

async function createWorld(on = true) {
  const clock = createFakeClock();
  const source = createFakeAudioSource();
  const encoder = createFakeAudioEncoder();
  const packets: RtpPayload[] = [];
  const clocks: SenderClock[] = [];
  const problems: (MediaFailure | null)[] = [];
  const sender = createAudioSender({
    clock,
    on,
    openSource: async () => source,
    createEncoder: () => encoder,
    send: (packet) => packets.push(packet),
    onSenderClock: (_kind, value) => clocks.push(value),
    onProblem: (problem) => problems.push(problem)
  });
  await sender.start();
  const settle = (): Promise<void> => clock.advanceAsync(0);
  const block = (value: number, captureMs = clock.monotonicMs()): void => source.sink?.block(new Int16Array(960).fill(value), captureMs);
  return { clock, source, encoder, packets, clocks, problems, sender, settle, block };
}

const distances = (packets: readonly RtpPayload[]): number[] =>
  packets.slice(1).map(({ timestamp }, index) => (timestamp - (packets[index]?.timestamp ?? 0)) >>> 0);

describe('audio sender', () => {
  it('sends a packet per block, 960 apart however the blocks jitter, and tells its clock each second', async () => {
    const world = await createWorld();
    for (let i = 0; i < 100; i++) {
      world.block(1, i * 20 + (i % 4)); // arrives up to 3 ms late
      await world.clock.advanceAsync(20);
    }
    assert.equal(world.packets.length, 100);
    assert.deepEqual([...new Set(distances(world.packets))], [960]);
    assert.equal(world.clocks.length, 2);
    const [first, second] = world.clocks;
    assert.ok(first && second);
    assert.equal(first.rtpTimestamp, world.packets[0]?.timestamp);
    // What it says agrees with the captured times to a few milliseconds.
    const elapsedMs = ((second.rtpTimestamp - first.rtpTimestamp) >>> 0) / 48;
    assert.ok(Math.abs(second.captureMs - first.captureMs - elapsedMs) < 3);
    await world.sender.stop();
  });

  it('follows the capture time after a hole', async () => {
    const world = await createWorld();
    world.block(1, 0);
    world.block(1, 20);
    world.block(1, 1040); // the device lost a second
    world.block(1, 1060);
    await world.settle();
    assert.deepEqual(distances(world.packets), [960, 960 + 48_000, 960]);
    await world.sender.stop();
  });

  it('mute is at once and complete: nothing captured before or while muted leaves after it, in any interleaving', async () => {
    const step = fc.constantFrom('block', 'mute', 'unmute', 'settle', 'hold', 'release');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const world = await createWorld();
        let muteEpoch = 0; // odd while muted
        let sentWhileMuted = 0;
        let seen = 0;
        const check = (): void => {
          for (const packet of world.packets.slice(seen)) {
            if (muteEpoch % 2 === 1 || packet.payload[0] !== (muteEpoch % 100) + 1) sentWhileMuted++;
          }
          seen = world.packets.length;
        };
        for (const what of [...steps, 'release', 'settle']) {
          if (what === 'block') world.block((muteEpoch % 100) + 1);
          if (what === 'mute' && muteEpoch % 2 === 0) {
            check();
            world.sender.setOn(false);
            muteEpoch++;
          }
          if (what === 'unmute' && muteEpoch % 2 === 1) {
            check();
            world.sender.setOn(true);
            muteEpoch++;
          }
          if (what === 'hold') world.encoder.held ??= Promise.withResolvers();
          if (what === 'release') {
            world.encoder.held?.resolve();
            world.encoder.held = null;
          }
          if (what === 'settle') await world.settle();
          check();
        }
        assert.equal(sentWhileMuted, 0);
        assert.equal(world.source.closed, false);
        await world.sender.stop();
      }),
      { numRuns: 150 }
    );
  });

  it('says that it sends while packets leave, also through a silence of DTX, and not when muted or lost', async () => {
    const world = await createWorld();
    assert.equal(world.sender.statistics().sending, false);
    world.block(1);
    await world.settle();
    assert.equal(world.sender.statistics().sending, true);
    for (let i = 0; i < 20; i++) {
      world.block(0);
      await world.clock.advanceAsync(20);
    }
    assert.deepEqual([world.sender.statistics().packetsSent, world.sender.statistics().sending], [1, true]);
    world.block(1);
    await world.settle();
    assert.deepEqual(
      world.packets.map(({ marker }) => marker),
      [true, true]
    );
    world.sender.setOn(false);
    assert.equal(world.sender.statistics().sending, false);
    world.sender.setOn(true);
    world.block(1);
    await world.settle();
    assert.equal(world.sender.statistics().sending, true);
    world.clock.advance(1500);
    assert.equal(world.sender.statistics().sending, false);
    await world.sender.stop();
  });

  it('begins muted where told so', async () => {
    const world = await createWorld(false);
    world.block(1);
    await world.settle();
    assert.equal(world.packets.length, 0);
    await world.sender.stop();
  });

  it('passes the target on, also to the next encoder, and says what encodes', async () => {
    const { encoder, sender } = await createWorld();
    sender.setTarget({ kbps: 24, lossPercent: 10 });
    assert.deepEqual(
      [encoder.target, sender.statistics().encoder],
      [
        { kbps: 24, lossPercent: 10 },
        { name: 'libopus', hardware: false }
      ]
    );
    await sender.stop();
    encoder.target = null;
    await sender.start();
    assert.deepEqual(encoder.target, { kbps: 24, lossPercent: 10 });
    await sender.stop();
    assert.equal(sender.statistics().encoder, null);
  });

  it('drops the oldest blocks where the encoder is slow, and keeps the time of the others', async () => {
    const world = await createWorld();
    world.encoder.held = Promise.withResolvers();
    for (let i = 1; i <= 10; i++) world.block(i, i * 20);
    await world.settle();
    world.encoder.held.resolve();
    await world.settle();
    assert.deepEqual(
      world.packets.map(({ payload }) => payload[0]),
      [1, 7, 8, 9, 10]
    );
    assert.deepEqual(distances(world.packets), [6 * 960, 960, 960, 960]);
    await world.sender.stop();
  });

  it('stop() in the middle of encoding sends nothing more and closes everything; a failing encoder is reported', async () => {
    for (const encodedFirst of [false, true]) {
      const world = await createWorld();
      world.encoder.held = Promise.withResolvers();
      world.block(1);
      world.block(2);
      if (encodedFirst) world.encoder.held.resolve();
      const stopping = world.sender.stop();
      world.encoder.held.resolve();
      await stopping;
      assert.deepEqual([world.packets.length, world.source.closed, world.encoder.closed, world.clock.pending], [0, true, true, 0]);
    }

    const other = await createWorld();
    other.encoder.failNext = true;
    other.block(1);
    await other.settle();
    assert.deepEqual(other.problems, [{ code: 'CL_MEDIA_ENCODER', detectedBy: 'audio-source', text: 'it broke' }]);
    await other.sender.stop();
  });

  it('while it is interrupted sends nothing of what is captured then, in any state of the encoder, and is still said to send', async () => {
    const world = await createWorld();
    world.block(1);
    world.encoder.held = Promise.withResolvers();
    world.block(2);
    await world.settle();
    world.sender.setInterrupted(true);
    world.encoder.held.resolve();
    await world.settle();
    for (let n = 0; n < 100; n++) {
      world.block(3);
      await world.clock.advanceAsync(20);
    }
    assert.equal(world.sender.statistics().sending, true);
    const nowMs = world.clock.monotonicMs();
    const keyAt = world.sender.timestamp();
    world.sender.setInterrupted(false);
    world.block(4, nowMs);
    await world.settle();
    const payloads = world.packets.map(({ payload }) => payload[0]);
    assert.ok(!payloads.includes(3) && payloads.at(-1) === 4, String(payloads));
    // What comes after a key is later than it, on the same clock, and marked as after a silence.
    assert.ok(Math.abs(((world.packets.at(-1)?.timestamp ?? 0) - keyAt) | 0) <= 1_920);
    assert.equal(world.packets.at(-1)?.marker, true);
    await world.sender.stop();
  });
});
