// Speakerphones at the kernel's HID layer and a room beside them: answered, muted and hung up at the device, in step with the panel.
import assert from 'node:assert/strict';
import { type Speakerphone, type Speakerphones, startSpeakerphones } from './devices-at-hand.ts';
import { type Guest, startGuest } from './guest.ts';
import { type LabRooms, LIMIT_MS, startRoomInGuest } from './room-in-guest.ts';
import { modelsToTry, OWN_MODELS } from './speakerphone-models.ts';
import type { SpeakerphoneModel } from './speakerphones.ts';

describe('lab: speakerphones at a room', function () {
  this.timeout(LIMIT_MS * 3);
  const made: AsyncDisposable[] = [];
  let guest: Guest;
  let phones: Speakerphones;
  let lab: LabRooms;

  before(async () => {
    guest = await startGuest({ modules: ['uhid', 'hid-generic', 'hid-jabra', 'hid-plantronics'], limitMs: 1_500_000 });
    made.push(guest);
    phones = await startSpeakerphones(guest);
    made.push(phones);
    lab = await startRoomInGuest(guest, { media: { camera: 'test', microphone: 'test' } });
    made.push(lab);
  });
  after(async () => {
    for (const part of made.reverse()) await part[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    await lab?.hangUp();
  });

  /** Plugged in, and opened by the room. */
  async function plug(model: SpeakerphoneModel): Promise<Speakerphone> {
    const phone = await phones.plug(model);
    await lab.waitFor(`${model.name} is taken up`, ({ devices }) =>
      devices.hid.devices.some(({ name, problem, lamps }) => name.includes(model.name) && problem === null && lamps !== null)
    );
    return phone;
  }

  for (const model of modelsToTry()) {
    it(`${model.name}: rings, is answered and hung up by the hook, and both sides of mute are the same`, async () => {
      const phone = await plug(model);
      try {
        await answeredMutedAndHungUp(phone);
      } finally {
        await phone.unplug();
      }
    });
  }

  it('is pulled out of a call and plugged in again: the call goes on, its lamps show it, and its keys are the room’s', async () => {
    const first = await plug(OWN_MODELS.usual);
    await lab.ring();
    first.press('hook');
    const { id } = await lab.waitForCall('the hook answers', ({ phase, media }) => phase === 'connected' && media.audio.sending);
    await first.unplug();
    await lab.waitFor('the room knows that it is away', ({ devices }) => devices.hid.devices.length === 0);
    await lab.room.act('mute');
    const again = await plug(OWN_MODELS.usual);
    try {
      await again.waitFor('it shows the call and what was pressed at the panel', () => again.lamps().offHook && again.lamps().mute);
      const call = await lab.room.call();
      assert.deepEqual([call?.id, call?.phase], [id, 'connected']);
      await lab.room.act('unmute');
      await again.waitFor('the panel unmutes', () => again.lamps().offHook && !again.lamps().mute);
      again.press('hook');
      await lab.waitFor('the hook hangs up', ({ call: now }) => now === null || now.phase === 'ended');
    } finally {
      await again.unplug();
    }
  });

  async function answeredMutedAndHungUp(phone: Speakerphone): Promise<void> {
    const has = (lamp: 'offHook' | 'mute' | 'ring'): boolean => phone.lampsThere.includes(lamp);
    await lab.ring();
    if (has('ring')) await phone.waitFor('the ring lamp is on', () => phone.lamps().ring && !phone.lamps().offHook);
    phone.press('hook');
    await lab.waitForCall('the hook answers', ({ phase }) => phase === 'connected');
    await phone.waitFor('off-hook is acknowledged', () => (phone.lamps().offHook || !has('offHook')) && !phone.lamps().ring);
    await lab.waitForCall('sound is sent', ({ media }) => media.audio.sending);

    if (phone.keys.includes('mute') && has('offHook')) {
      phone.press('mute');
      await lab.waitForCall('the device mutes', ({ media }) => !media.audio.sending && !media.wanted.microphone);
      if (has('mute')) await phone.waitFor('the mute lamp is on', () => phone.lamps().mute && phone.lamps().offHook);
      await lab.room.act('unmute');
      await lab.waitForCall('the panel unmutes', ({ media }) => media.audio.sending);
      if (has('mute')) await phone.waitFor('the mute lamp is off', () => !phone.lamps().mute && phone.lamps().offHook);
    }
    phone.press('hook');
    await lab.waitFor('the hook hangs up', ({ call }) => call === null || call.phase === 'ended');
    const { call } = await lab.room.http.state();
    assert.equal(call?.ended?.by, 'here');
    await phone.waitFor('the lamps are off', () => Object.values(phone.lamps()).every((on) => !on));
  }
});
