// Calls that do not come to be, and a call that people end because their codes differ: what each panel then says.
import assert from 'node:assert/strict';
import { palettes } from '../../src/ui/shared/theme.ts';
import { type RoomsWithPages, type RoomWithPages, startRoomsWithPages, until } from '../harness/browser.ts';

const INVITE_SECONDS = 8;
/** A display that has its ticket may be on its way to the feed when the call is declined, and the process of the call with it closing or gone. */
const FEED_IS_GONE =
  /WebSocket connection to 'ws:\/\/127\.0\.0\.1:\d+\/feed\/[^']*' failed: .*(?:ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|response code: 503)/;

const rgb = (hex: string): string => `rgb(${[1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join(', ')})`;

describe('browser: calls that are refused or broken off', function () {
  this.timeout(120_000);
  let all: RoomsWithPages;
  let here: RoomWithPages;
  let there: RoomWithPages;

  before(async () => {
    all = await startRoomsWithPages({ config: () => ({ call: { inviteTimeoutSeconds: INVITE_SECONDS } }) });
    ({ here, there } = all);
  });

  after(() => all?.[Symbol.asyncDispose]());

  afterEach(async () => {
    for (const { panel } of [here, there]) {
      if (await panel.isVisible('screen-ended')) await panel.touch('button-done');
      await panel.see('screen-home');
    }
    const faults = all.browser.faults();
    assert.deepEqual(
      faults.filter(({ kind, text }) => !(kind === 'unanswered' && FEED_IS_GONE.test(text))),
      []
    );
    faults.splice(0);
  });

  it('says why beside the address when that is none, and calls nobody', async () => {
    const { panel, room } = here;
    await panel.touch('button-call');
    for (const character of 'studio') await panel.touch(`key-${character}`);
    await panel.touch('button-place-call');
    await until('why it cannot be done', async () => (await panel.text('command-error')) === 'This is not an address such as boardroom@contoso.example.');
    assert.equal(await panel.page.getByTestId('input-address').getAttribute('aria-invalid'), 'true');
    const field = await panel.page.getByTestId('input-address').boundingBox();
    const error = await panel.page.getByTestId('command-error').boundingBox();
    assert.ok(field && error);
    const below = error.y - (field.y + field.height);
    assert.ok(below >= 0 && below < 40, `the error is ${below} px below the field`);
    await panel.screenshot('dial-error');
    await panel.touch('key-backspace');
    await panel.lose('command-error');
    assert.equal(await panel.page.getByTestId('input-address').inputValue(), 'studi');
    assert.equal(await room.call(), null);
    await panel.touch('button-back');
  });

  it('says why beside the address when the room refuses it', async () => {
    const { panel, room } = here;
    await panel.touch('button-call');
    for (const character of 'boardroom') await panel.touch(`key-${character}`);
    await panel.touch('key-organisation');
    assert.equal(await panel.page.getByTestId('input-address').inputValue(), room.account);
    await panel.touch('button-place-call');
    await until('why it cannot be done', async () => (await panel.text('command-error')) !== '');
    assert.ok(await panel.isVisible('screen-dial'));
    assert.deepEqual(
      all.browser
        .faults()
        .splice(0)
        .map(({ kind }) => kind),
      ['refused']
    );
    await panel.touch('button-back');
  });

  it('says on both sides that the call was declined', async () => {
    await all.dial('studio');
    await there.panel.touch('button-decline');
    for (const { panel } of [here, there]) {
      await panel.see('screen-ended');
      assert.equal(await panel.attribute('ended-reason', 'data-reason'), 'declined');
    }
    assert.equal(await here.panel.text('ended-reason'), 'The other side declined the call.');
    assert.equal(await there.panel.text('ended-reason'), 'You declined the call.');
    assert.equal(await here.panel.isVisible('shield-state'), false, 'nothing is said about the security of a call that never was');
    for (const { display } of [here, there]) await display.seeAttribute('display-scene', 'data-scene', 'ended');
  });

  it('ends on both sides when the caller gives up', async () => {
    await all.dial('studio');
    await there.panel.see('screen-incoming');
    await here.panel.touch('button-cancel');
    await here.panel.see('screen-ended');
    await there.panel.see('screen-ended');
    assert.equal(await there.panel.attribute('ended-reason', 'data-reason'), 'hangup');
  });

  it('says that nobody answered an address that is nobody’s', async () => {
    await all.dial('nobody');
    await here.panel.see('screen-ended', INVITE_SECONDS * 1000 + 20_000);
    assert.equal(await here.panel.attribute('ended-reason', 'data-reason'), 'timeout');
    assert.equal(await here.panel.text('ended-reason'), 'Nobody answered.');
    assert.equal(await here.panel.isVisible('ended-detail'), false, 'the same is not said twice');
  });

  it('asks once more when people say that the codes differ, and goes on when they take it back', async () => {
    await all.call();
    await here.panel.touch('button-shield');
    const code = await here.panel.text('security-code');
    await here.panel.touch('button-codes-differ');
    await here.panel.see('button-confirm-differ');
    assert.match(await here.panel.text('screen-code'), /somebody may be between the two rooms.*Tell your administrator/);
    await here.panel.screenshot('codes-differ-confirm');
    await here.panel.touch('button-confirm-cancel');
    assert.equal(await here.panel.text('security-code'), code);
    assert.equal((await there.room.call())?.phase, 'connected');
    await here.panel.touch('button-back');
    await here.panel.touch('button-end');
    for (const { panel } of [here, there]) await panel.see('screen-ended');
  });

  it('ends the call on both sides, red and in plain words, when people confirm that the codes differ', async () => {
    await all.call();
    await there.panel.touch('button-shield');
    const code = await there.panel.text('security-code');
    await here.panel.touch('button-shield');
    await here.panel.touch('button-codes-differ');
    await here.panel.touch('button-confirm-differ');
    for (const { panel, display } of [here, there]) {
      await panel.see('screen-ended');
      assert.equal(await panel.attribute('ended-reason', 'data-reason'), 'security-check-failed');
      assert.match(await panel.text('screen-ended'), /Call ended: the security check failed/);
      assert.match(await panel.text('ended-detail'), /The two security codes did not match: somebody may be between the two rooms\./);
      assert.match(await panel.text('noticed-by'), /the people who compared the code/);
      assert.equal(await panel.attribute('shield-state', 'data-state'), 'failed');
      const colour = await panel.page.getByRole('heading', { level: 1 }).evaluate((title) => getComputedStyle(title).color);
      assert.equal(colour, rgb(palettes.dark.bad));
      await display.seeAttribute('display-scene', 'data-scene', 'ended');
      await display.seeAttribute('shield-state', 'data-state', 'failed');
      assert.equal(await panel.holds(code), false);
      assert.equal(await display.holds(code), false);
    }
    await here.panel.screenshot('codes-differ-ended');
    await here.display.screenshot('codes-differ-ended-display');
    for (const { room } of [here, there]) {
      const { call, health } = await room.http.state();
      assert.equal(call?.encryption.state, 'failed');
      const event = health.securityEvents.at(-1);
      assert.deepEqual([event?.code, event?.detectedBy, event?.call], ['CL_SECURITY_CODES_DIFFER', 'people', call?.id]);
    }
  });
});
