// What panel and display show while a part of their room is away, and when it is back: nothing that is not so, and all of it without a reload.
import assert from 'node:assert/strict';
import { type DisplayPage, type RoomPage, type RoomsWithPages, type RoomWithPages, startRoomsWithPages, until } from '../harness/browser.ts';

/** touch-panel.md "Behaviour", and what two busy cores add. */
const NOTICED_MS = 2000 + 1500;

describe('browser: a part of the room is away', function () {
  this.timeout(120_000);
  let all: RoomsWithPages;
  let here: RoomWithPages;
  let there: RoomWithPages;
  const pages = (): readonly RoomPage[] => [here.panel, here.display, there.panel, there.display];

  before(async () => {
    all = await startRoomsWithPages({ config: () => ({ call: { reconnectTimeoutMs: 30_000 } }) });
    ({ here, there } = all);
    for (const { page } of pages()) await page.evaluate(() => Object.assign(window, { notReloaded: true }));
  });

  after(() => all?.[Symbol.asyncDispose]());

  afterEach(async () => {
    for (const { page } of pages()) assert.equal(await page.evaluate(() => 'notReloaded' in window), true, 'no page was loaded again');
    assert.deepEqual(
      all.browser.faults().filter(({ kind }) => kind !== 'unanswered' && kind !== 'refused'),
      []
    );
  });

  const moves = async (display: DisplayPage): Promise<void> => {
    const { framesPresented } = await display.statistics();
    await until('frames go on', async () => (await display.statistics()).framesPresented >= framesPresented + 10);
  };

  it('blanks the code when the media process dies, then shows a new one, and the picture again', async () => {
    await all.call();
    for (const { panel, display } of [here, there]) {
      await panel.touch('button-shield');
      await panel.see('security-code');
      await moves(display);
    }
    const before = await here.panel.text('security-code');
    for (const page of pages()) await page.forget();
    const media = await here.room.callProcess();
    assert.ok(media);
    process.kill(media, 'SIGKILL');

    for (const { panel } of [here, there]) await until('another code', async () => (await panel.seen()).codes.some((code) => code !== before));
    for (const { panel, room } of [here, there]) {
      await panel.see('security-code');
      const after = await panel.text('security-code');
      assert.match(after, /^\d{5} \d{5} \d{5} \d{5}$/);
      assert.notEqual(after, before);
      assert.equal(after, (await room.call())?.encryption.securityCode);
      assert.equal(await panel.holds(before), false);
      const { testIds, states } = await panel.seen();
      assert.ok(testIds.includes('code-blank'), 'there was no code in between');
      assert.ok(!testIds.includes('screen-home') && !testIds.includes('screen-ended') && !testIds.includes('screen-reconnecting'), 'the panel stayed');
      assert.equal(states.at(-1), 'end-to-end', 'nobody has compared the new code');
    }
    assert.equal(await here.panel.text('security-code'), await there.panel.text('security-code'));
    for (const { panel, display } of [here, there]) {
      await panel.touch('button-back');
      await panel.seeAttribute('shield-state', 'data-state', 'end-to-end');
      assert.match(await panel.text('button-shield'), /Compare the code/);
      await display.see('remote-video');
      await display.see('code-band');
      await moves(display);
    }
    await here.panel.screenshot('secured-again');
    await here.display.screenshot('secured-again-display');
  });

  it('is verified again, on the side where people say that the new codes match', async () => {
    await here.panel.touch('button-shield');
    await here.panel.touch('button-codes-match');
    await here.panel.seeAttribute('shield-state', 'data-state', 'end-to-end-verified');
    assert.match(await here.panel.text('code-notes'), /This room said that the codes match\./);
    await here.panel.touch('button-back');
    await here.display.lose('code-band');
    await there.panel.touch('button-shield');
    await until('the other room hears of it', async () => /The other room said that the codes match\./.test(await there.panel.text('code-notes')));
    await there.panel.touch('button-back');
  });

  it('says within two seconds that a frozen agent is away, keeps the picture, and shows the true state afterwards', async () => {
    process.kill(here.room.agentPid, 'SIGSTOP');
    try {
      await here.panel.see('screen-reconnecting', NOTICED_MS);
      assert.equal(await here.panel.isVisible('screen-in-call'), false);
      await here.panel.screenshot('reconnecting');
      await until('the display says so', async () => /Reconnecting to the room/.test(await here.display.text('display-scene')));
      assert.equal(await here.display.isVisible('shield-state'), false, 'nothing is claimed of a call that nobody can ask about');
      assert.ok(await here.display.isVisible('remote-video'));
      await moves(here.display);
      await here.display.screenshot('reconnecting-in-call-display');
      await there.panel.touch('button-mute');
      await there.panel.seeAttribute('button-mute', 'aria-pressed', 'true');
    } finally {
      process.kill(here.room.agentPid, 'SIGCONT');
    }
    await here.panel.see('screen-in-call');
    await here.display.see('shield-state');

    process.kill(here.room.agentPid, 'SIGSTOP');
    try {
      await here.panel.see('screen-reconnecting', NOTICED_MS);
      await there.panel.touch('button-end');
      await there.panel.see('screen-ended');
    } finally {
      process.kill(here.room.agentPid, 'SIGCONT');
    }
    await here.panel.see('screen-ended');
    assert.equal(await here.panel.text('ended-reason'), 'The other side ended the call.');
    await here.display.seeAttribute('display-scene', 'data-scene', 'ended');
    for (const { panel } of [here, there]) await panel.touch('button-done');
  });

  it('says so of an agent that was killed in a call, and shows what is so when it runs again', async () => {
    await all.call();
    await here.room.stop('SIGKILL');
    await here.panel.see('screen-reconnecting', NOTICED_MS);
    await here.room.start();
    await here.panel.see('screen-home');
    await here.display.seeAttribute('display-scene', 'data-scene', 'idle');
    // The agent that runs again ends the call that its predecessor left behind (protocol.md).
    await there.panel.see('screen-ended');
    assert.equal(await there.panel.attribute('ended-reason', 'data-reason'), 'device-failed');
    await there.panel.touch('button-done');
    await all.rooms.waitFor('the broker again', (states) => states.every(({ network }) => network.broker === 'connected'));
    await all.call();
    await moves(here.display);
    await moves(there.display);
    await here.panel.touch('button-end');
    for (const { panel } of [here, there]) await panel.see('screen-ended');
  });
});
