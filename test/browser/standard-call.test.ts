// A call that is not end-to-end encrypted must not look as if it were, at no moment and on no page (R3).
import assert from 'node:assert/strict';
import { type RoomsWithPages, type RoomWithPages, startRoomsWithPages, until } from '../harness/browser.ts';

const HERE = 'End-to-end encryption is switched off in this room’s settings.';
const THERE = 'End-to-end encryption is switched off on the other side.';

describe('browser: a standard call', function () {
  this.timeout(120_000);
  let all: RoomsWithPages;
  let here: RoomWithPages;
  let there: RoomWithPages;
  let shieldWithLock: string;

  before(async () => {
    all = await startRoomsWithPages({ config: (index) => (index === 1 ? { encryption: { setting: false } } : {}) });
    ({ here, there } = all);
    // The home screen of the room that would encrypt shows the shield: this is what must not be seen from now on.
    shieldWithLock = (await here.panel.page.getByTestId('room-encryption').locator('svg path').first().getAttribute('d')) ?? '';
    assert.notEqual(shieldWithLock, '');
    for (const page of [here.panel, here.display, there.panel, there.display]) await page.forget();
  });

  after(() => all?.[Symbol.asyncDispose]());

  it('says before it is answered that it will be one, and why', async () => {
    await all.dial('studio');
    await there.panel.see('screen-incoming');
    assert.equal(await there.panel.attribute('incoming-encryption', 'data-expected'), 'standard');
    assert.match(await there.panel.text('incoming-encryption'), new RegExp(HERE));
    await there.display.seeAttribute('display-scene', 'data-scene', 'ringing');
    assert.match(await there.display.text('display-scene'), /Will be a standard call/);
    await there.panel.screenshot('standard-incoming');
    await there.display.screenshot('standard-incoming-display');
  });

  it('shows a plain lock and the reason in the call, and opens no code', async () => {
    await there.panel.touch('button-answer');
    for (const [side, reason] of [
      [here, THERE],
      [there, HERE]
    ] as const) {
      await side.panel.seeAttribute('shield-state', 'data-state', 'standard');
      await side.display.seeAttribute('shield-state', 'data-state', 'standard');
      assert.match(await side.panel.text('button-shield'), new RegExp(`Standard call.*${reason}`));
      const { framesPresented } = await side.display.statistics();
      await until('a moving picture', async () => (await side.display.statistics()).framesPresented >= framesPresented + 5);
    }
    await here.panel.screenshot('standard-call');
    await here.display.screenshot('standard-call-display');
    for (const [side, reason] of [
      [here, THERE],
      [there, HERE]
    ] as const) {
      await side.panel.touch('button-shield');
      await side.panel.see('screen-code');
      assert.equal(await side.panel.text('standard-reason'), reason);
      assert.match(await side.panel.text('screen-code'), /the call is not end-to-end encrypted\. There is no code to compare\./);
      assert.equal(await side.panel.isVisible('security-code'), false);
      assert.equal(await side.panel.isVisible('button-codes-match'), false);
    }
    await here.panel.screenshot('standard-security');
    await here.panel.touch('button-back');
    await here.panel.touch('button-end');
    for (const { panel, display } of [here, there]) {
      await panel.see('screen-ended');
      await panel.seeAttribute('shield-state', 'data-state', 'standard');
      await display.seeAttribute('display-scene', 'data-scene', 'ended');
    }
  });

  it('showed no shield and no code from beginning to end', async () => {
    for (const { room, panel, display } of [here, there]) {
      for (const page of [panel, display]) {
        const seen = await page.seen();
        const where = `${room.name}, ${page === panel ? 'panel' : 'display'}`;
        assert.deepEqual(
          seen.states.filter((state) => state !== 'none'),
          ['standard'],
          where
        );
        assert.deepEqual(seen.codes, [], where);
        assert.ok(!seen.expected.includes('end-to-end'), where);
        assert.ok(!seen.icons.includes(shieldWithLock), `${where}: the shield with the lock`);
        assert.ok(seen.icons.length > 0, `${where}: icons were seen`);
      }
    }
    assert.deepEqual(all.browser.faults(), []);
  });
});
