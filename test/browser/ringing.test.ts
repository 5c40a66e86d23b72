// What a room hears before and after a call: the called display rings, the caller's rings back, both are silent as soon as it is answered; and keys in it.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { type DisplayPage, type RoomsWithPages, startRoomsWithPages, until } from '../harness/browser.ts';

const HEARD = 0.002;

/** What is measured over so long: the loudest, and which frequencies were the strongest while it sounded. */
async function listen(display: DisplayPage, ms: number): Promise<{ readonly loudest: number; readonly notes: ReadonlySet<number> }> {
  const notes = new Set<number>();
  let loudest = 0;
  for (const startMs = performance.now(); performance.now() - startMs < ms; ) {
    const { level, strongestHz } = await display.sound();
    loudest = Math.max(loudest, level);
    if (level > HEARD) notes.add(strongestHz);
    await pause(50);
  }
  return { loudest, notes };
}

/** A bin of the analyser is 12 Hz wide. */
const has = (notes: ReadonlySet<number>, hz: number): boolean => [...notes].some((note) => Math.abs(note - hz) < 15);

describe('browser: ringing and tones', function () {
  this.timeout(120_000);
  this.bail(true);
  let all: RoomsWithPages;
  before(async () => {
    all = await startRoomsWithPages({ config: () => ({ media: { microphone: 'none' } }) });
  });
  after(() => all[Symbol.asyncDispose]());

  it('displays say that they are there, outside a call too, and that they may play', async () => {
    for (const { room } of [all.here, all.there]) {
      const { devices, sound } = await room.http.state();
      assert.deepEqual([devices.displays, sound], [1, { playing: null, by: 'display' }]);
    }
  });

  it('the called display rings with two notes, the caller’s with the tone of a line that rings', async () => {
    const { here, there } = all;
    await all.dial(there.room.account.split('@')[0] ?? '');
    await there.panel.see('screen-incoming');
    assert.deepEqual((await there.room.http.state()).sound, { playing: 'ringing', by: 'display' });
    assert.deepEqual((await here.room.http.state()).sound, { playing: 'ringback', by: 'display' });
    let rung = new Set<number>();
    await until('both notes', async () => {
      rung = new Set([...rung, ...(await listen(there.display, 500)).notes]);
      return has(rung, 784) && has(rung, 659);
    });
    await until('the tone at the caller', async () => has((await listen(here.display, 500)).notes, 425));
  });

  it('both are silent once it is answered, and hear the keys that are pressed in the call', async () => {
    const { here, there } = all;
    await there.panel.touch('button-answer');
    for (const { panel } of [here, there]) await panel.see('call-duration');
    for (const { display } of [here, there]) await until('silence', async () => (await display.sound()).level < HEARD / 4);
    for (const { display } of [here, there]) assert.ok((await listen(display, 3_000)).loudest < HEARD, 'it rings in the call');
    // 5 is 770 and 1336 Hz; where one is louder, the other is not the strongest.
    const listening = [here, there].map(({ display }) => listen(display, 4_000));
    await here.room.act('dtmf', { digits: '555555555555' });
    for (const { loudest, notes } of await Promise.all(listening))
      assert.ok(loudest > HEARD && (has(notes, 770) || has(notes, 1336)), JSON.stringify([loudest, ...notes]));
  });

  it('who was left hears that the other side has hung up, for a moment', async () => {
    const { here, there } = all;
    const heard = listen(here.display, 2_500);
    await there.room.act('end');
    const { notes } = await heard;
    assert.ok(has(notes, 523) && has(notes, 392), JSON.stringify([...notes]));
    await until('silence', async () => (await here.display.sound()).level < HEARD / 4);
    assert.equal((await here.room.http.state()).sound.playing, null);
  });

  it('a room without a display says so, and who rings then', async () => {
    const { there, browser } = all;
    await there.display.page.close();
    await until('no display', async () => (await there.room.http.state()).devices.displays === 0);
    // This machine has no loudspeaker: nobody can.
    assert.equal((await there.room.http.state()).sound.by, null);
    assert.deepEqual(browser.faults(), []);
  });
});
