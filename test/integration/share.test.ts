// Sharing a screen between two real rooms: it begins when somebody asks, ends when they ask or when its source is lost, and touches nothing
// else of the call.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Packet, startCapture } from '../harness/capture.ts';
import { udpPortsOf } from '../harness/processes.ts';
import { startTwoRooms, type TwoRooms } from '../harness/two-rooms.ts';
import { startXDisplay, type XDisplay } from '../harness/x-display.ts';

const SCREEN_VIDEO = { width: 1280, height: 720, fps: 10, maxKbps: 1500 };
/** Of the shared screen's codecs (src/media/peer/sdp.ts). */
const SCREEN_PAYLOAD_TYPES = [104, 106];
const DTLS_HANDSHAKE = 22;

const isRtp = ({ protocol, payload }: Packet): boolean => protocol === 'udp' && payload.length > 12 && payload.readUInt8(0) >> 6 === 2;
const payloadType = ({ payload }: Packet): number => payload.readUInt8(1) & 0x7f;
const isScreen = (packet: Packet): boolean => isRtp(packet) && SCREEN_PAYLOAD_TYPES.includes(payloadType(packet));
const isHandshake = ({ protocol, payload }: Packet): boolean =>
  protocol === 'udp' && payload.length > 13 && payload.readUInt8(0) === DTLS_HANDSHAKE && payload.readUInt8(1) === 0xfe;

describe('sharing the screen', function () {
  this.timeout(180_000);
  let two: TwoRooms;
  let display: XDisplay;

  before(async () => {
    display = await startXDisplay(640, 360);
    two = await startTwoRooms({
      config: (index) => ({ media: { screen: index === 0 ? 'test' : `screen:${display.name}`, screenVideo: SCREEN_VIDEO } })
    });
  });
  after(async () => {
    await two?.[Symbol.asyncDispose]();
    await display?.[Symbol.asyncDispose]();
  });

  /** What a capture holds of this call: others use the loopback interface too. */
  async function ofThisCall(packets: readonly Packet[]): Promise<Packet[]> {
    const ports = new Set<number>();
    for (const room of two.rooms) for (const port of await udpPortsOf((await room.callProcess()) ?? 0)) ports.add(port);
    return packets.filter(({ sourcePort, destinationPort }) => ports.has(sourcePort) && ports.has(destinationPort));
  }

  it('begins and ends five times in a call with the same keys, code and process, and without another handshake', async () => {
    const [here, there] = two.rooms;
    await two.placeCall();
    const before = await two.states();
    assert.deepEqual(
      before.map(({ call }) => [call?.media.screen.sending, call?.media.screen.packetsSent, call?.media.wanted.screen]),
      [
        [false, 0, false],
        [false, 0, false]
      ],
      'nothing is shared that nobody asked for'
    );
    const processes = [await here.callProcess(), await there.callProcess()];
    {
      await using capture = await startCapture(join(two.folder, 'sharing.pcap'));
      for (let round = 1; round <= 5; round++) {
        const { framesReceived } = (await there.call())?.media.screen ?? assert.fail('there is a call');
        await here.act('share');
        await two.waitFor(
          `share ${round} arrives`,
          ([a, b]) =>
            a.call?.media.screen.sending === true && b.call?.media.screen.receiving === true && b.call.media.screen.framesReceived > framesReceived + 3
        );
        await here.act('stop-sharing');
        const stopped = await here.call();
        assert.deepEqual([stopped?.media.screen.sending, stopped?.media.wanted.screen], [false, false]);
        const sent = stopped?.media.screen.packetsSent;
        await two.waitFor(`share ${round} is over there too`, ([, b]) => b.call?.media.screen.receiving === false, 3_000);
        const after = await here.call();
        assert.equal(after?.media.screen.packetsSent, sent, 'no packet after stop-sharing');
      }
      const packets = await ofThisCall(await capture.packets());
      assert.ok(packets.filter(isScreen).length > 50, 'the capture sees the screen');
      assert.equal(packets.filter(isHandshake).length, 0, 'no handshake');
    }
    const after = await two.states();
    for (const [index, { call }] of after.entries()) {
      assert.equal(call?.phase, 'connected');
      assert.ok(call.encryption.securityCode !== null);
      assert.equal(call.encryption.securityCode, before[index]?.call?.encryption.securityCode, 'the code is made of both certificates');
      assert.equal(call.mediaEpoch, before[index]?.call?.mediaEpoch);
      assert.equal(call.media.screen.codec, 'VP8');
    }
    assert.deepEqual([await here.callProcess(), await there.callProcess()], processes);
    assert.deepEqual([after[1].call?.media.screen.width, after[1].call?.media.screen.height], [1280, 720]);
  });

  it('leaves nothing of it on the wire', async () => {
    await using capture = await startCapture(join(two.folder, 'quiet.pcap'));
    await pause(1_000);
    const packets = await ofThisCall(await capture.packets());
    assert.ok(packets.filter(isRtp).length > 20, 'the call goes on');
    assert.equal(packets.filter(isScreen).length, 0);
  });

  it('is possible for both at once, and stops on the side whose screen is lost, which is told', async () => {
    const [here, there] = two.rooms;
    await here.act('share');
    await there.act('share');
    await two.waitFor('both receive the other’s', (states) => states.every(({ call }) => call?.media.screen.sending === true && call.media.screen.receiving));
    await display.kill();
    const [a, b] = await two.waitFor('it stops', ([, { call }]) => call?.media.wanted.screen === false && !call.media.screen.sending, 10_000);
    assert.deepEqual([b.call?.phase, b.call?.media.problem?.code], ['connected', 'CL_MEDIA_SCREEN_LOST']);
    assert.equal(a.call?.media.screen.sending, true, 'the other share goes on');
    await two.waitFor('it is gone there too', ([{ call }]) => call?.media.screen.receiving === false, 10_000);
    await here.act('stop-sharing');
  });

  it('says why nothing can be shared, and the call goes on', async () => {
    const [, there] = two.rooms;
    const sent = (await there.call())?.media.screen.packetsSent;
    await assert.rejects(there.act('share'), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'CL_MEDIA_SCREEN_SOURCE');
      assert.match(error.message, /the screen :\d+ cannot be opened/);
      return true;
    });
    const state = await two.waitFor('the wish is taken back', ([, b]) => b.call?.media.wanted.screen === false);
    assert.equal(state[1].call?.phase, 'connected');
    assert.equal(state[1].call?.media.screen.packetsSent, sent);
  });

  it('ends with the call, and does not begin in the next', async () => {
    const [here] = two.rooms;
    await here.act('share');
    await two.waitFor('it is shared', ([, b]) => b.call?.media.screen.receiving === true);
    await here.act('end');
    await two.waitFor('both ended', (states) => states.every(({ call }) => call?.phase === 'ended'));
    await assert.rejects(here.act('share'), { code: 'CL_CALL_WRONG_PHASE' });
    await two.placeCall();
    const states = await two.states();
    assert.deepEqual(
      states.map(({ call }) => [call?.media.wanted.screen, call?.media.screen.sending, call?.media.screen.packetsSent]),
      [
        [false, false, 0],
        [false, false, 0]
      ]
    );
    await here.act('end');
  });
});
