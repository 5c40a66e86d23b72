// Speakerphones at the kernel's HID layer and a room beside them: answered, muted and hung up at the device, in step with the panel.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { type Speakerphone, type Speakerphones, startSpeakerphones } from './devices-at-hand.ts';
import { type Guest, startGuest } from './guest.ts';
import { type LabRooms, LIMIT_MS, startRoomInGuest } from './room-in-guest.ts';
import { modelsToTry, OWN_MODELS } from './speakerphone-models.ts';
import type { SpeakerphoneModel } from './speakerphones.ts';

const REACTION_MS = 500;

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
      devices.hid.devices.some(
        ({ name, problem, lamps, can }) =>
          name.includes(model.name) && problem === null && (lamps !== null || (can.length > 0 && phone.lampsThere.length === 0))
      )
    );
    // Whether one without a lamp is open is told by nothing; the first report of all is its baseline (docs/adr/0022-hid-acknowledgement.md).
    if (phone.lampsThere.length === 0) await pause(2_000);
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

  it('the reject key declines', async () => {
    const phone = await plug(OWN_MODELS.usual);
    await lab.ring();
    await phone.waitFor('the ring lamp is on', () => phone.lamps().ring);
    phone.press('reject');
    const [caller, room] = await lab.pair.waitFor('the call is over on both sides', (states) =>
      states.every(({ call }) => call === null || call.phase === 'ended')
    );
    assert.deepEqual([caller.call?.ended?.reason, room.call?.ended?.by], ['declined', 'here']);
    await phone.waitFor('the lamps are off', () => dark(phone));
    await phone.unplug();
  });

  it('two are kept in step; one that is pulled out and comes back in the call is in step again; an end over there clears both', async () => {
    const [one, other] = [await plug(OWN_MODELS.usual), await plug(OWN_MODELS.fiveReports)];
    await lab.ring();
    for (const phone of [one, other]) await phone.waitFor('the ring lamp is on', () => phone.lamps().ring);
    await pause(REACTION_MS);
    one.press('hook');
    for (const phone of [one, other]) await phone.waitFor('off-hook is lit', () => phone.lamps().offHook && !phone.lamps().ring);
    const begun = await lab.waitForCall('the call is connected', ({ phase }) => phase === 'connected');
    await heardThere('sound is sent');
    await lab.room.act('mute');
    for (const phone of [one, other]) await phone.waitFor('the mute lamp is on', () => phone.lamps().mute);

    await other.unplug();
    await lab.waitFor('the room sees that it is gone', ({ devices }) => !devices.hid.devices.some(({ name }) => name.includes(other.model.name)));
    const before = (await lab.caller.call())?.media.video.framesReceived ?? 0;
    await lab.pair.waitFor('pictures go on', ([caller]) => (caller.call?.media.video.framesReceived ?? 0) > before + 2);
    await other.plugAgain();
    await other.waitFor('it shows the call', () => other.lamps().offHook && other.lamps().mute && !other.lamps().ring);
    const { call } = await lab.room.http.state();
    assert.deepEqual([call?.id, call?.phase, call?.mediaEpoch, call?.media.wanted.microphone], [begun.id, 'connected', begun.mediaEpoch, false]);

    await lab.caller.act('end');
    const ended = await lab.waitForCall('the call is over', ({ phase }) => phase === 'ended');
    assert.equal(ended.ended?.by, 'there');
    for (const phone of [one, other]) await phone.waitFor('the lamps are off', () => dark(phone));
    await one.unplug();
    await other.unplug();
  });

  const dark = (phone: Speakerphone): boolean => Object.values(phone.lamps()).every((on) => !on);
  const heardThere = (what: string): Promise<unknown> =>
    lab.pair.waitFor(what, ([caller, room]) => room.call?.media.audio.sending === true && caller.call?.media.audio.receiving === true);
  const silentThere = (what: string): Promise<unknown> =>
    lab.pair.waitFor(what, ([caller, room]) => {
      const { audio, wanted } = room.call?.media ?? {};
      return audio?.sending === false && wanted?.microphone === false && caller.call?.media.audio.receiving === false;
    });

  async function answeredMutedAndHungUp(phone: Speakerphone): Promise<void> {
    const has = (lamp: 'offHook' | 'mute' | 'ring'): boolean => phone.lampsThere.includes(lamp);
    await lab.ring();
    if (has('ring')) await phone.waitFor('the ring lamp is on', () => phone.lamps().ring && !phone.lamps().offHook);
    // As a person does: what answers at once is taken for an echo (docs/adr/0022-hid-acknowledgement.md).
    await pause(REACTION_MS);
    phone.press('hook');
    await lab.waitForCall('the hook answers', ({ phase }) => phase === 'connected');
    await phone.waitFor('off-hook is acknowledged', () => (phone.lamps().offHook || !has('offHook')) && !phone.lamps().ring);
    await heardThere('sound is sent');

    if (phone.keys.includes('mute') && has('offHook')) {
      phone.press('mute');
      await silentThere('the device mutes');
      await phone.waitFor('the mute lamp is on', () => phone.lamps().offHook && (phone.lamps().mute || !has('mute')));
      await lab.room.act('unmute');
      await heardThere('the panel unmutes');
      await phone.waitFor('the mute lamp is off', () => phone.lamps().offHook && !phone.lamps().mute);
      await lab.room.act('mute');
      await silentThere('the panel mutes');
      await phone.waitFor('the mute lamp is on', () => phone.lamps().offHook && (phone.lamps().mute || !has('mute')));
      phone.press('mute');
      await heardThere('the device unmutes');
      await phone.waitFor('the mute lamp is off', () => phone.lamps().offHook && !phone.lamps().mute);
    }
    phone.press('hook');
    await lab.waitFor('the hook hangs up', ({ call }) => call === null || call.phase === 'ended');
    const { call } = await lab.room.http.state();
    assert.equal(call?.ended?.by, 'here');
    await phone.waitFor('the lamps are off', () => dark(phone));
  }
});
