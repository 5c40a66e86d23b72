import assert from 'node:assert/strict';
import { createRoomSound } from '../../../agent/room-sound.ts';
import { silentLog } from '../../../src/kernel/log.ts';
import type { WantedSound } from '../../../src/room/sound-choice.ts';
import { createFakeClock } from '../../fakes/clock.ts';

const RINGING: WantedSound = { name: 'ringing', percent: 60, untilMs: null };

function createWorld(choice = 'auto', path: string | null = 'hw:1,0') {
  const clock = createFakeClock();
  const started: string[] = [];
  const audible = new Set<string>();
  const failing: ((why: string) => void)[] = [];
  const world = { clock, started, audible, path, changes: 0, fail: () => failing.at(-1)?.('it is held by somebody else') };
  const sound = createRoomSound({
    choice,
    speaker: () => world.path,
    startTone(on, name, percent, onFailed) {
      const tone = `${name} ${percent} ${on}`;
      started.push(tone);
      audible.add(tone);
      failing.push((why) => {
        audible.delete(tone);
        onFailed(why);
      });
      return { stop: () => void audible.delete(tone) };
    },
    clock,
    log: silentLog
  });
  sound.on('changed', () => {
    world.changes += 1;
  });
  return Object.assign(world, { sound, heard: () => [...audible] });
}

describe('sound of the room', () => {
  it('is the loudspeaker’s where no display plays, and silent in the very moment in which it is not wanted any more', () => {
    const { sound, heard, started } = createWorld();
    sound.want(RINGING);
    assert.deepEqual([heard(), sound.view()], [['ringing 60 hw:1,0'], { playing: 'ringing', by: 'speaker' }]);
    sound.want({ ...RINGING });
    assert.equal(started.length, 1, 'it begins anew with each change of the room');
    sound.want(null);
    assert.deepEqual([heard(), sound.view()], [[], { playing: null, by: 'speaker' }]);
    sound.want({ ...RINGING, percent: 30 });
    sound.want({ name: 'ringback', percent: 80, untilMs: null });
    assert.deepEqual(heard(), ['ringback 80 hw:1,0']);
  });

  it('is the display’s as soon as one says that it can play, and the loudspeaker’s again when it is gone', () => {
    const { sound, heard } = createWorld();
    sound.want(RINGING);
    // A page that its browser does not let play is a display, but does not ring.
    sound.setDisplays({ open: 1, sounding: 0 });
    assert.deepEqual([heard().length, sound.view().by, sound.displays()], [1, 'speaker', 1]);
    sound.setDisplays({ open: 1, sounding: 1 });
    assert.deepEqual([heard(), sound.view()], [[], { playing: 'ringing', by: 'display' }]);
    sound.setDisplays({ open: 0, sounding: 0 });
    assert.deepEqual([heard().length, sound.view().by, sound.displays()], [1, 'speaker', 0]);
  });

  it('is played by whom the configuration names', () => {
    for (const [choice, by] of [
      ['display', 'display'],
      ['hw:1,0', 'speaker'],
      ['none', null]
    ] as const) {
      const { sound } = createWorld(choice);
      sound.setDisplays({ open: 1, sounding: 1 });
      sound.want(RINGING);
      assert.deepEqual([sound.view().by, sound.missingSinceMs()], [by, null], choice);
    }
  });

  it('says so while nobody can play it, and not longer', () => {
    const { clock, sound, ...world } = createWorld('auto', null);
    assert.equal(sound.missingSinceMs(), null);
    sound.want(RINGING);
    assert.deepEqual([sound.view(), sound.missingSinceMs()], [{ playing: 'ringing', by: null }, clock.now()]);
    const sinceMs = clock.now();
    clock.advance(1_000);
    sound.want({ ...RINGING });
    assert.equal(sound.missingSinceMs(), sinceMs);
    sound.setDisplays({ open: 1, sounding: 1 });
    assert.equal(sound.missingSinceMs(), null);
    sound.setDisplays({ open: 0, sounding: 0 });
    assert.notEqual(sound.missingSinceMs(), null);
    sound.want(null);
    assert.deepEqual([sound.missingSinceMs(), world.heard()], [null, []]);
  });

  it('does not try a loudspeaker that failed over and over, but takes another one, and that one for the next sound', () => {
    const world = createWorld();
    const { sound, started } = world;
    sound.want(RINGING);
    const { changes } = world;
    world.fail();
    assert.deepEqual([sound.view().by, sound.missingSinceMs() !== null, world.changes > changes], [null, true, true]);
    for (let times = 0; times < 5; times++) sound.want({ ...RINGING });
    assert.equal(started.length, 1);
    world.path = 'hw:2,0';
    sound.want({ ...RINGING });
    assert.deepEqual([world.heard(), sound.missingSinceMs()], [['ringing 60 hw:2,0'], null]);
    world.path = 'hw:1,0';
    sound.want({ name: 'busy', percent: 60, untilMs: null });
    assert.deepEqual(world.heard(), ['busy 60 hw:1,0']);
  });

  it('ends by itself what lasts for a time, once, though the wall clock is behind', () => {
    const { clock, sound, heard, started } = createWorld();
    const ended: WantedSound = { name: 'ended', percent: 60, untilMs: clock.now() + 2_000 };
    sound.want(ended);
    clock.advance(1_999);
    assert.equal(heard().length, 1);
    clock.advance(1);
    assert.deepEqual([heard(), sound.view().playing], [[], null]);
    sound.want({ ...ended });
    assert.deepEqual([heard(), started.length], [[], 1]);
    sound.want({ ...ended, untilMs: clock.now() + 2_000 });
    assert.equal(heard().length, 1);
  });

  it('misses nothing where only a trial is not heard, and tries the same loudspeaker again at the next one', () => {
    const world = createWorld();
    const { clock, sound, heard } = world;
    const trial = (): WantedSound => ({ ...RINGING, untilMs: clock.now() + 2_000 });
    sound.want(trial());
    world.fail();
    assert.deepEqual([sound.view(), sound.missingSinceMs()], [{ playing: 'ringing', by: null }, null]);
    clock.advance(2_000);
    assert.deepEqual([sound.view(), heard()], [{ playing: null, by: 'speaker' }, []]);
    sound.want(trial());
    assert.deepEqual(heard(), ['ringing 60 hw:1,0']);
  });

  it('is silent when it is closed, and leaves no timer', async () => {
    const { clock, sound, heard } = createWorld();
    sound.want({ name: 'busy', percent: 60, untilMs: clock.now() + 2_000 });
    await sound[Symbol.asyncDispose]();
    assert.deepEqual([heard(), clock.pending], [[], 0]);
    sound.want(RINGING);
    assert.deepEqual(heard(), []);
  });
});
