// What a room hears before and after a call: the called display rings, the caller's rings back, both are silent as soon as it is answered; and keys in it.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { type DisplayPage, type RoomsWithPages, startRoomsWithPages, until } from '../harness/browser.ts';
import { CHROMIUM, CHROMIUM_SWITCHES } from '../harness/chromium.ts';

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

  it('who tries the ringer in the settings hears it at the display, for two seconds', async () => {
    const { panel, display, room } = all.here;
    await panel.touch('button-settings');
    await panel.touch('row-sound');
    assert.match(await panel.text('ringer-by'), /display/);
    const listening = listen(display, 3_000);
    await panel.touch('button-ringer-try');
    const { notes } = await listening;
    assert.ok(has(notes, 784) || has(notes, 659), `heard ${[...notes].join()}`);
    await until('it is over', async () => (await room.http.state()).sound.playing === null);
    await until('silence', async () => (await display.sound()).level < HEARD / 4);
    await panel.see('button-ringer-try');
    await panel.touch('button-back');
    await panel.see('screen-home');
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
    for (const { display } of [here, there]) {
      await until('the keys are heard', async () => {
        const listening = listen(display, 2_000);
        await here.room.act('dtmf', { digits: '555555555555' });
        const { loudest, notes } = await listening;
        return loudest > HEARD && (has(notes, 770) || has(notes, 1336));
      });
    }
    for (const { display } of [here, there]) await until('silence', async () => (await listen(display, 500)).loudest < HEARD / 4);
  });

  it('who was left hears that the other side has hung up, for a moment', async () => {
    const { here, there } = all;
    let over = false;
    const heard = new Set<number>();
    const listening = (async () => {
      while (!over) for (const note of (await listen(here.display, 100)).notes) heard.add(note);
    })();
    await there.room.act('end');
    // The second note is over in half a second, in which a busy machine may not look.
    try {
      await until('one of its notes', async () => has(heard, 523) || has(heard, 392));
    } finally {
      over = true;
      await listening;
    }
    await until('nothing is to be heard', async () => (await here.room.http.state()).sound.playing === null);
    await until('silence', async () => (await here.display.sound()).level < HEARD / 4);
  });

  it('a display that its browser does not let play is one, but is not counted on to ring before somebody has touched it', async () => {
    const { room } = all.there;
    await all.there.display.page.close();
    await until('no display', async () => (await room.http.state()).devices.displays === 0);
    const folder = await mkdtemp(join(tmpdir(), 'cloister-silent-'));
    const silent = await chromium.launchPersistentContext(folder, {
      executablePath: CHROMIUM,
      headless: true,
      args: [...CHROMIUM_SWITCHES, '--autoplay-policy=document-user-activation-required']
    });
    try {
      const page = await silent.newPage();
      await page.goto(`${room.url}/display/`);
      await page.getByTestId('display-scene').waitFor();
      await until('the display', async () => (await room.http.state()).devices.displays === 1);
      await pause(1_000);
      assert.equal((await room.http.state()).sound.by, null);
      await page.mouse.click(500, 500);
      await until('it may play', async () => (await room.http.state()).sound.by === 'display');
    } finally {
      await silent.close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('a room without a display says so, and who rings then', async () => {
    const { there, browser } = all;
    await until('no display', async () => (await there.room.http.state()).devices.displays === 0);
    // This machine has no loudspeaker: nobody can.
    assert.equal((await there.room.http.state()).sound.by, null);
    assert.deepEqual(browser.faults(), []);
  });
});
