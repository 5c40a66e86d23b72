// A person's whole call, by touch on two panels, with two displays: each test goes on where the one before it ended.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { hueOf } from '../../src/media/source/test-picture.ts';
import type { CallView } from '../../src/room/state.ts';
import { type DisplayPage, type RoomsWithPages, type RoomWithPages, startRoomsWithPages, until } from '../harness/browser.ts';
import type { TestRoom } from '../harness/two-rooms.ts';

const SOUND_LIMIT = 0.005;
/** The two notes of the test tone, with a bin of the analyser to either side. */
const TONE_HZ = { from: 425, to: 570 };
/**
 * ITU-R BT.1359-1: from here on people mind. A machine that cannot keep up makes sound wait longer than a picture is held; then the two may
 * be apart by as much as sound waits.
 */
const OFFSET_LIMIT_MS = 125;

type Colour = readonly [number, number, number];

/** The colour of a room's test picture: full chroma of its hue over dark luminance (ITU-R BT.601, limited range). */
function colourOfRoom(name: string): Colour {
  const hue = (hueOf(name) * Math.PI) / 180;
  const [light, blue, red] = [1.164 * (52 - 16), 56 * Math.cos(hue), 56 * Math.sin(hue)];
  const channel = (value: number): number => Math.min(255, Math.max(0, value));
  return [channel(light + 1.596 * red), channel(light - 0.392 * blue - 0.813 * red), channel(light + 2.017 * blue)];
}

const distance = (a: Colour, b: Colour): number => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

/** Waits until what is seen and what is heard belong together. */
async function seeTogether(display: DisplayPage): Promise<void> {
  const samples: { readonly offsetMs: number; readonly limitMs: number }[] = [];
  await until('picture and sound together', async () => {
    await pause(200);
    const { avOffsetMs, bufferMs } = await display.statistics();
    if (avOffsetMs === null) return false;
    samples.push({ offsetMs: Math.round(avOffsetMs), limitMs: Math.min(600, Math.max(OFFSET_LIMIT_MS, bufferMs)) });
    return samples.slice(-10).filter(({ offsetMs, limitMs }) => Math.abs(offsetMs) <= limitMs).length >= 8;
  }).catch((error: Error) => {
    throw new Error(`${error.message}; the picture was later by ${samples.map(({ offsetMs, limitMs }) => `${offsetMs} of ${limitMs}`).join(', ')} ms`);
  });
}

async function callOf(room: TestRoom): Promise<CallView> {
  const call = await room.call();
  assert.ok(call, `${room.name} has a call`);
  return call;
}

/** The code of the room's call as the room says it. */
async function codeOf(room: TestRoom): Promise<string> {
  const code = (await callOf(room)).encryption.securityCode;
  assert.ok(code, `${room.name} has a code`);
  return code;
}

describe('browser: a call from one touch panel to the other', function () {
  this.timeout(120_000);
  this.bail(true);
  let all: RoomsWithPages;
  let here: RoomWithPages;
  let there: RoomWithPages;
  let code: string;

  before(async () => {
    all = await startRoomsWithPages();
    ({ here, there } = all);
  });

  after(() => all?.[Symbol.asyncDispose]());

  it('is dialled on the panel’s own keyboard', async () => {
    await here.panel.touch('button-call');
    for (const character of 'studio') await here.panel.touch(`key-${character}`);
    await here.panel.touch('key-organisation');
    assert.equal(await here.panel.page.getByTestId('input-address').inputValue(), there.room.account);
    await here.panel.touch('button-place-call');
    await here.panel.see('screen-outgoing');
  });

  it('says who is calling, from where, how sure that is and what the call will be, before it is answered', async () => {
    await there.panel.see('screen-incoming');
    assert.equal(await there.panel.text('peer-name'), here.room.name);
    assert.match(await there.panel.text('screen-incoming'), /boardroom@contoso\.example/);
    assert.equal(await there.panel.attribute('incoming-identity', 'data-identity'), 'verified');
    assert.match(await there.panel.text('incoming-identity'), /contoso\.example/);
    assert.equal(await there.panel.attribute('incoming-encryption', 'data-expected'), 'end-to-end');
    await there.display.seeAttribute('display-scene', 'data-scene', 'ringing');
    assert.equal(await there.display.text('peer-name'), here.room.name);
    await until('the caller hears that it rings', async () => /Ringing there/.test(await here.panel.text('screen-outgoing')));
    await there.panel.screenshot('call-incoming');
    await there.display.screenshot('call-incoming-display');
  });

  it('is connected and verified on both panels once it is answered with video', async () => {
    await there.panel.touch('button-answer');
    for (const { panel, display } of [here, there]) {
      await panel.see('screen-in-call');
      await panel.seeAttribute('shield-state', 'data-state', 'end-to-end-verified');
      await display.seeAttribute('shield-state', 'data-state', 'end-to-end-verified');
      assert.deepEqual(
        (await panel.seen()).states.filter((state) => state !== 'none'),
        ['end-to-end-verified'],
        'no other verdict was ever shown'
      );
    }
  });

  it('opens the same code on both panels, and it is the rooms’ own', async () => {
    for (const { panel } of [here, there]) {
      await panel.touch('button-shield');
      await panel.see('security-code');
    }
    code = await here.panel.text('security-code');
    assert.match(code, /^\d{5} \d{5} \d{5} \d{5}$/);
    assert.equal(await there.panel.text('security-code'), code);
    assert.equal(await codeOf(here.room), code);
    assert.equal(await codeOf(there.room), code);
    assert.ok(await here.panel.holds(code), 'the search for the code finds it where it is');
    await here.panel.screenshot('call-code');
    for (const { panel } of [here, there]) await panel.touch('button-back');
  });

  it('shows the other room’s moving picture on each display', async () => {
    for (const [watching, sending] of [
      [here, there],
      [there, here]
    ] as const) {
      const first = await until('a picture', async () => {
        const sample = await watching.display.picture();
        return sample.variance > 100 && sample;
      });
      assert.ok(first.width >= 320 && first.height >= 180, `${first.width}×${first.height}`);
      assert.ok(await watching.display.isVisible('remote-video'));
      const colours = [colourOfRoom(sending.room.name), colourOfRoom(watching.room.name)] as const;
      const [others, own] = [distance(first.edgeColour, colours[0]), distance(first.edgeColour, colours[1])];
      assert.ok(others < 25 && own > 75, `${watching.room.name} shows ${first.edgeColour.map(Math.round)}; the colours are ${colours.join(' and ')}`);
      const { framesPresented } = await watching.display.statistics();
      await until('ten more frames', async () => (await watching.display.statistics()).framesPresented >= framesPresented + 10);
      await until('another picture', async () => (await watching.display.picture()).fingerprint !== first.fingerprint);
    }
    assert.ok(distance((await here.display.picture()).meanColour, (await there.display.picture()).meanColour) > 20);
  });

  it('plays the other room’s sound on each display, together with the picture', async () => {
    for (const { display } of [here, there]) {
      const { audioPlayedMs } = await display.statistics();
      await until('a second of sound', async () => (await display.statistics()).audioPlayedMs >= audioPlayedMs + 1000);
      await until('the test tone', async () => {
        const { level, strongestHz } = await display.sound();
        return level > SOUND_LIMIT && strongestHz >= TONE_HZ.from && strongestHz <= TONE_HZ.to;
      });
      await seeTogether(display);
    }
    await here.panel.screenshot('call-panel');
    await here.display.screenshot('call-display');
  });

  it('shows the microphone off only when it is off, and then no sound arrives', async () => {
    const media = await here.room.callProcess();
    assert.ok(media);
    // While the media process stands still, nothing can become so: the panel may only say that it was asked for.
    process.kill(media, 'SIGSTOP');
    try {
      await here.panel.touch('button-mute');
      await until('the panel says that the microphone is asked to be off', async () => /Muting/.test(await here.panel.text('button-mute')), 5000);
      await pause(700);
      assert.equal(await here.panel.attribute('button-mute', 'aria-pressed'), 'false');
      assert.equal((await callOf(here.room)).media.audio.sending, true);
    } finally {
      process.kill(media, 'SIGCONT');
    }
    await here.panel.seeAttribute('button-mute', 'aria-pressed', 'true');
    const { media: fact } = await callOf(here.room);
    assert.equal(fact.audio.sending, false);
    assert.match(await here.panel.text('button-mute'), /Microphone is off/);
    await here.display.see('microphone-off');
    const arrived = async (): Promise<number> => (await callOf(there.room)).media.audio.packetsReceived;
    await until(
      'no more packets of sound there for a second',
      async () => {
        const before = await arrived();
        await pause(1000);
        return (await arrived()) === before;
      },
      5000
    );
    await until('silence there', async () => (await there.display.sound()).level < SOUND_LIMIT / 10);
    const { audioPlayedMs } = await there.display.statistics();
    const { framesPresented } = await there.display.statistics();
    await until('the picture goes on', async () => (await there.display.statistics()).framesPresented >= framesPresented + 5);
    assert.equal((await there.display.statistics()).audioPlayedMs, audioPlayedMs);
  });

  it('is heard again after a second touch', async () => {
    const { audioPlayedMs } = await there.display.statistics();
    await here.panel.touch('button-mute');
    await here.panel.seeAttribute('button-mute', 'aria-pressed', 'false');
    assert.equal((await callOf(here.room)).media.audio.sending, true);
    await here.display.lose('microphone-off');
    await until('sound there', async () => (await there.display.statistics()).audioPlayedMs >= audioPlayedMs + 500);
    await until('the test tone there', async () => (await there.display.sound()).level > SOUND_LIMIT);
    await seeTogether(there.display); // the silence was no part of the sound, but it took its time
  });

  it('says that there is no picture, in place of a frozen one, while the camera is off', async () => {
    await here.panel.touch('button-camera');
    await here.panel.seeAttribute('button-camera', 'aria-pressed', 'true');
    assert.equal((await callOf(here.room)).media.video.sending, false);
    await there.display.see('no-picture');
    await there.display.lose('remote-video');
    assert.match(await there.display.text('no-picture'), /No picture from Boardroom/);
    await there.display.screenshot('call-no-picture');
    await here.panel.screenshot('call-panel-camera-off');

    await here.panel.touch('button-camera');
    await here.panel.seeAttribute('button-camera', 'aria-pressed', 'false');
    await there.display.see('remote-video');
    await there.display.lose('no-picture');
    const { framesPresented } = await there.display.statistics();
    await until('frames again', async () => (await there.display.statistics()).framesPresented >= framesPresented + 10);
  });

  it('ends by touch on both sides, and the code is nowhere any more', async () => {
    await here.panel.touch('button-end');
    for (const { panel, display } of [here, there]) {
      await panel.see('screen-ended');
      assert.equal(await panel.attribute('ended-reason', 'data-reason'), 'hangup');
      await display.seeAttribute('display-scene', 'data-scene', 'ended');
      await display.lose('remote-video');
      assert.equal(await panel.holds(code), false);
      assert.equal(await display.holds(code), false);
      const { width, height } = await display.picture();
      assert.deepEqual([width, height], [1, 1], 'no picture of the call is left in the canvas');
    }
    assert.equal(await here.panel.text('ended-reason'), 'You ended the call.');
    assert.equal(await there.panel.text('ended-reason'), 'The other side ended the call.');
    await until('the media processes are gone', async () => (await here.room.callProcess()) === null && (await there.room.callProcess()) === null);
    await here.panel.screenshot('call-ended');
    await here.panel.touch('button-done');
    await here.panel.see('screen-home');
  });

  it('asked nobody but the room for anything, and no page complained', () => {
    assert.deepEqual(all.browser.faults(), []);
  });
});
