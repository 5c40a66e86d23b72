// The self-view in Chromium: what the encoder makes is on the display, as a mirror; what has stopped is not shown any more, and neither is what was before it.
import assert from 'node:assert/strict';
import { systemClock } from '../../src/kernel/clock.ts';
import { createVideoEncoder } from '../../src/media/encode/video-encoder.ts';
import { createVideoSender, type VideoSender } from '../../src/media/encode/video-sender.ts';
import { createOwnPicture, type OwnPicture } from '../../src/media/own-picture.ts';
import { quietFfmpeg } from '../../src/media/source/quiet-ffmpeg.ts';
import { createTestVideoSource } from '../../src/media/source/test-source.ts';
import type { UiServer } from '../../src/ui-server/server.ts';
import { createFakeRoom, type FakeRoom } from '../fakes/room.ts';
import { type DisplayPage, openBrowser, type TestBrowser, until } from '../harness/browser.ts';
import { serveRoom } from '../harness/served-room.ts';
import { lookAtPicture } from '../harness/shown-picture.ts';

const PROFILE = { width: 320, height: 180, fps: 15, maxKbps: 500 };

describe('browser: the self-view', function () {
  this.timeout(120_000);
  let room: FakeRoom;
  let server: UiServer;
  let browser: TestBrowser;
  let own: OwnPicture;
  let sender: VideoSender;
  let tickets = 0;
  let display: DisplayPage;

  before(async () => {
    quietFfmpeg();
    room = createFakeRoom();
    server = await serveRoom(room);
    own = createOwnPicture({ host: '127.0.0.1', origins: [new URL(server.url).origin], clock: systemClock, requestKeyframe: () => sender.requestKeyframe() });
    sender = createVideoSender({
      clock: systemClock,
      profile: PROFILE,
      send: () => {},
      onSenderClock: () => {},
      onProblem: () => {},
      createEncoder: () => createVideoEncoder({ codec: 'H264', profile: PROFILE, clock: systemClock }),
      openSource: async () => createTestVideoSource(PROFILE, 'Boardroom', systemClock),
      onPicture: own.push
    });
    room.selfViewTicket = async () => {
      tickets += 1;
      return own.ticket();
    };
    browser = await openBrowser();
    const id = room.ring();
    await room.callAction(id, 'answer');
    room.connect(null);
    room.changeCall((call) => ({ ...call, media: { ...call.media, video: { ...call.media.video, sending: true } } }));
    display = await browser.display(server.url);
    await display.seeAttribute('display-scene', 'data-scene', 'in-call');
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await sender?.stop();
    await own?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  const look = () => lookAtPicture(display, 'self-view');
  const setSelfView = (selfView: boolean): void => room.change((state) => ({ ...state, settings: { ...state.settings, selfView } }));

  it('asks for nothing while nobody wants it', async () => {
    assert.equal(await look(), null);
    assert.equal(tickets, 0);
  });

  it('shows the picture that is sent, moving, and as a mirror', async () => {
    await sender.start();
    setSelfView(true);
    await display.seeAttribute('self-view', 'data-live', 'true');
    const first = await until('a picture', async () => {
      const seen = await look();
      return seen !== null && seen.variance > 100 ? seen : null;
    });
    assert.deepEqual([first.width, first.transform, first.visibility], [PROFILE.width, 'matrix(-1, 0, 0, 1, 0, 0)', 'visible']);
    await until('another picture', async () => (await look())?.print !== first.print);
  });

  it('shows nothing stale when the pictures stop, says so, and shows them again', async () => {
    await sender.stop();
    await display.seeAttribute('self-view', 'data-live', 'false');
    assert.match(await display.text('self-view'), /No picture from the camera/);
    assert.equal((await look())?.width, 1, 'not even out of sight');
    await sender.start();
    await display.seeAttribute('self-view', 'data-live', 'true');
  });

  it('is gone while the camera is off, and when nobody wants it', async () => {
    const sending = (on: boolean): void => room.changeCall((call) => ({ ...call, media: { ...call.media, video: { ...call.media.video, sending: on } } }));
    sending(false);
    await until('it is gone', async () => (await look()) === null);
    sending(true);
    await display.seeAttribute('self-view', 'data-live', 'true');
    setSelfView(false);
    await until('it is gone', async () => (await look()) === null);
  });

  it('breaks nothing of what a page may do', () => {
    const faults = browser.faults().filter(({ text }) => !/\/api\/v1\/display\/ticket|127\.0\.0\.1:9\/feed/.test(text));
    assert.deepEqual(faults, []);
  });
});
