// The panel in a call, by touch, in front of the real HTTP interface of a room that is a fake one: what each touch asks of the room, and what is
// seen when the room changes.
import assert from 'node:assert/strict';
import type { CDPSession } from 'playwright-core';
import type { CallView, RoomState } from '../../src/room/state.ts';
import type { UiServer } from '../../src/ui-server/server.ts';
import { deviceView } from '../fakes/device-views.ts';
import { createFakeRoom, type FakeRoom } from '../fakes/room.ts';
import { openBrowser, type RoomPage, type TestBrowser, until } from '../harness/browser.ts';
import { serveRoom } from '../harness/served-room.ts';
import { CALL_ID, inCall, SECURITY_CODE, states } from './fixtures/states.ts';

const OTHER_CODE = '11111 22222 33333 44444';
const CALL = `/api/v1/calls/${CALL_ID}`;
const digitsOf = (code: string): string => code.replace(/\D/g, '');

function callOf(state: RoomState): CallView {
  assert.ok(state.call);
  return state.call;
}
/** With the camera off, so that no page asks for the own picture: the fake room has none. */
const withoutPicture = (state: RoomState): RoomState =>
  inCall(state, (call) => ({ ...call, media: { ...call.media, video: { ...call.media.video, sending: false } } }));

type Asked = { readonly method: string; readonly path: string; readonly body: unknown };

describe('browser: the panel in a call', function () {
  this.timeout(60_000);
  let room: FakeRoom;
  let server: UiServer;
  let browser: TestBrowser;
  let panel: RoomPage;
  let asked: Asked[];
  /** What some of these tests have the room do otherwise. */
  let asItWas: Pick<FakeRoom, 'changeSettings' | 'shareSources' | 'speakCode'>;

  before(async () => {
    room = createFakeRoom(states.endToEnd);
    const { changeSettings, shareSources, speakCode } = room;
    asItWas = { changeSettings, shareSources, speakCode };
    server = await serveRoom(room);
    browser = await openBrowser();
  });

  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    asked = [];
    Object.assign(room, asItWas);
    room.change(() => states.endToEnd);
    room.actions.length = 0;
    room.askedOfDevices.length = 0;
    panel = await browser.panel(server.url);
    panel.page.on('request', (request) => {
      const { pathname: path } = new URL(request.url());
      const body = request.postData();
      if (path.startsWith('/api/') && path !== '/api/v1/events') asked.push({ method: request.method(), path, body: body === null ? null : JSON.parse(body) });
    });
    await panel.see('screen-in-call');
  });

  afterEach(async () => {
    assert.deepEqual(browser.faults(), []);
    await browser.closePages();
  });

  const bodiesOf = (path: string): unknown[] => asked.filter((each) => each.path === path).map(({ body }) => body);
  const askedFor = (path: string, count = 1): Promise<boolean> => until(`${path} is asked`, async () => bodiesOf(path).length >= count);
  const changeCall = (change: Partial<CallView>): void => room.changeCall((call) => ({ ...call, ...change }));
  /** The media process was lost: the code is not current until there is another one. */
  const blank = (): void => changeCall({ encryption: callOf(states.securingAgain).encryption });
  const secureAgain = (code: string): void =>
    room.changeCall((call) => ({ ...call, encryption: { ...callOf(states.endToEnd).encryption, securityCode: code }, mediaEpoch: call.mediaEpoch + 1 }));

  it('mutes and unmutes, and shows what the packets do', async () => {
    await panel.touch('button-mute');
    await until('it says so', async () => /Microphone is off/.test(await panel.text('button-mute')));
    assert.equal(await panel.attribute('button-mute', 'aria-pressed'), 'true');
    // A key of the speakerphone did it: nobody touched the panel.
    room.changeCall((call) => ({
      ...call,
      media: { ...call.media, audio: { ...call.media.audio, sending: true }, wanted: { ...call.media.wanted, microphone: true } }
    }));
    await until('it says so', async () => /Microphone is on/.test(await panel.text('button-mute')));
    assert.deepEqual(
      room.actions.map(({ action }) => action),
      ['mute']
    );
  });

  it('holds and resumes, and says who holds', async () => {
    await panel.touch('button-hold');
    await panel.see('held-here');
    // The fake room goes on sending, so this is what is said.
    assert.match(await panel.text('held-here'), /You have put the call on hold.*are being stopped/);
    changeCall({ heldThere: true });
    await panel.see('held-there');
    await panel.touch('button-hold');
    await panel.lose('held-here');
    assert.deepEqual(
      room.actions.map(({ action }) => action),
      ['hold', 'resume']
    );
    assert.equal(await panel.isVisible('held-there'), true);
  });

  it('says how the network is, and shows the figures behind it', async () => {
    assert.equal(await panel.attribute('button-network', 'data-quality'), 'excellent');
    room.changeCall((call) => ({ ...call, media: { ...call.media, bandwidth: { targetKbps: 130, acknowledgedKbps: 104, lossPercent: 11.8 } } }));
    await panel.seeAttribute('button-network', 'data-quality', 'poor');
    await panel.touch('button-network');
    assert.match(await panel.text('sheet-network'), /Lost on the way there11.8%/);
    await panel.touch('button-network-done');
    await panel.lose('sheet-network');
  });

  it('changes the layout of the display, and marks what the room says', async () => {
    let take = (): void => {};
    const taken = new Promise<void>((resolve) => {
      take = resolve;
    });
    room.changeSettings = async (change) => {
      await taken;
      await asItWas.changeSettings(change);
    };
    await panel.touch('button-layout');
    await panel.touch('layout-side-by-side');
    await askedFor('/api/v1/settings');
    assert.deepEqual(asked, [{ method: 'PATCH', path: '/api/v1/settings', body: { layout: 'side-by-side' } }]);
    assert.equal(await panel.attribute('layout-side-by-side', 'aria-pressed'), 'false');
    take();
    await panel.seeAttribute('layout-side-by-side', 'aria-pressed', 'true');
  });

  it('shares the only source at once, and lets people choose among several', async () => {
    await panel.touch('button-share');
    await until('it is shared', async () => room.actions.length === 1);
    assert.deepEqual(room.actions[0]?.options, { source: 'screen:0' });
    await panel.see('notice-sharing');
    await panel.touch('button-share');
    await panel.lose('notice-sharing');
    room.shareSources = async () => [
      { id: 'screen:0', kind: 'screen', name: 'Screen' },
      { id: 'window:7', kind: 'window', name: 'Notes' }
    ];
    await panel.touch('button-share');
    await panel.see('screen-share');
    assert.equal(room.actions.length, 2, 'nothing begins by itself');
    await panel.touch('source-window:7');
    await panel.see('screen-in-call');
    assert.deepEqual(room.actions[2]?.options, { source: 'window:7' });
  });

  it('says why an end-to-end encrypted call cannot do a feature, and asks nothing', async () => {
    await panel.touch('button-more');
    await panel.see('screen-more');
    for (const feature of ['captions', 'transcription', 'transfer', 'consult-then-transfer', 'merge', 'park', 'add-participant', 'recording', 'apps']) {
      assert.equal(await panel.attribute(`feature-${feature}`, 'aria-disabled'), 'true', feature);
      assert.equal(await panel.page.getByTestId(`feature-${feature}`).getAttribute('disabled'), null, feature);
      await panel.page.getByTestId(`feature-${feature}`).tap({ force: true });
      assert.match(await panel.text(`reason-${feature}`), /Not in this call: it is end-to-end encrypted/);
    }
    assert.deepEqual(asked, []);
  });

  it('hands a standard call over to somebody who was found, and shows how that goes', async () => {
    const [studio, stage] = ['Studio', 'Stage'].map((displayName) => ({
      account: `${displayName.toLowerCase()}@contoso.example`,
      displayName,
      presence: 'online' as const
    }));
    assert.ok(studio && stage);
    room.change(() => ({ ...states.standard, people: { ...states.standard.people, favourites: [studio, stage] } }));
    await panel.touch('button-more');
    await panel.touch('feature-transfer');
    for (const character of 'stu') await panel.touch(`key-${character}`);
    await panel.lose(`person-${stage.account}`);
    await panel.touch('person-studio@contoso.example');
    await panel.see('screen-in-call');
    assert.deepEqual(room.actions, [{ id: CALL_ID, action: 'transfer', options: { to: studio.account } }]);
    changeCall({ transfer: { to: 'studio@contoso.example', phase: 'asked' } });
    await panel.see('notice-transfer');
    assert.match(await panel.text('notice-transfer'), /is being handed over to studio@contoso\.example/);
  });

  it('records after asking, and both notices stay over every page of the call', async () => {
    room.change(() => withoutPicture(states.standard));
    await panel.touch('button-more');
    await panel.touch('feature-recording');
    await panel.see('sheet-recording');
    assert.equal(room.actions.length, 0);
    await panel.touch('button-recording-start');
    await until('it is asked', async () => room.actions.length === 1);
    assert.deepEqual(room.actions[0], { id: CALL_ID, action: 'recording', options: { on: true } });
    await panel.lose('notice-recording');
    changeCall({ recording: { here: false, there: true } });
    assert.match(await panel.text('notice-recording'), /Atlas Meeting Room is recording the call/);
    for (const button of ['button-shield', 'button-camera-control', 'button-dial-tones', 'button-more']) {
      await panel.touch(button);
      await panel.see('button-back');
      await panel.see('notice-recording');
      await panel.touch('button-back');
      await panel.see('screen-in-call');
    }
    changeCall({ recording: { here: true, there: true } });
    await panel.touch('button-stop-recording');
    await until('it is asked', async () => room.actions.length === 2);
    assert.deepEqual(room.actions[1]?.options, { on: false });
  });

  it('names the other calls, takes one back, and hands the waiting one over', async () => {
    const other = {
      ...callOf(states.standard),
      id: CALL_ID.replace(/1$/, '2'),
      phase: 'on-hold' as const,
      peer: { ...callOf(states.standard).peer, displayName: 'Reception' }
    };
    const transfer = { to: callOf(states.standard).peer.account, phase: 'consulting' as const };
    room.change(() => ({ ...states.standard, otherCalls: [{ ...other, transfer }] }));
    await panel.see('other-calls');
    assert.match(await panel.text('other-calls'), /Reception.*Waits while you ask Atlas Meeting Room/);
    await panel.touch('button-complete-transfer');
    await panel.touch(`button-take-back-${other.id}`);
    await panel.touch(`button-end-other-${other.id}`);
    await until('it has ended', async () => room.state().otherCalls[0]?.phase === 'ended');
    assert.deepEqual(
      room.actions.map(({ id, action }) => [id, action]),
      ['complete-transfer', 'resume', 'end'].map((action) => [other.id, action])
    );
    room.change((state) => ({ ...state, call: null, otherCalls: [{ ...other, parkCode: '4718' }] }));
    await panel.see('screen-parked');
    assert.equal(await panel.text('park-code'), '4718');
    await panel.touch('button-parked-done');
    await panel.see('screen-home');
    room.change(() => states.endToEnd);
  });

  describe('the security code', () => {
    beforeEach(async () => {
      await panel.touch('button-shield');
      await panel.see('security-code');
    });

    const keyIn = async (code: string): Promise<void> => {
      for (const digit of digitsOf(code)) await panel.touch(`code-key-${digit}`);
    };

    it('is compared at the twentieth digit, and a fit is confirmed', async () => {
      await panel.touch('button-keypad');
      assert.equal(await panel.holds(SECURITY_CODE), false, 'the own code is not there to be copied');
      await keyIn(SECURITY_CODE.slice(0, -1));
      await panel.touch('code-key-backspace');
      assert.match(await panel.text('keyed-progress'), /18 of 20/);
      assert.deepEqual(asked, []);
      await keyIn(SECURITY_CODE.slice(-2));
      await panel.see('keypad-match');
      assert.deepEqual(bodiesOf(`${CALL}/compare-code`), [{ digits: digitsOf(SECURITY_CODE), mediaEpoch: 1 }]);
      assert.equal(await panel.holds(SECURITY_CODE), false);
    });

    it('that does not fit is told, and only the people say that the codes differ', async () => {
      await panel.touch('button-keypad');
      await keyIn(OTHER_CODE);
      await panel.see('keypad-differ');
      assert.equal(room.actions.length, 0);
      await panel.touch('button-keypad-again');
      await panel.see('code-keypad');
      assert.match(await panel.text('keyed-progress'), /0 of 20/);
      await keyIn(OTHER_CODE);
      await panel.touch('button-codes-differ');
      await panel.see('button-confirm-differ');
      assert.equal(room.actions.length, 0);
      await panel.touch('button-confirm-differ');
      await panel.see('screen-ended');
      assert.deepEqual(room.actions, [{ id: CALL_ID, action: 'codes-differ', options: { mediaEpoch: 1 } }]);
    });

    it('is blanked as soon as it is not current, and so is what was keyed in', async () => {
      blank();
      await panel.see('code-blank');
      assert.equal(await panel.holds(SECURITY_CODE), false);
      secureAgain(OTHER_CODE);
      await panel.see('security-code');
      assert.equal(await panel.holds(SECURITY_CODE), false);
      await panel.touch('button-keypad');
      await keyIn('7654321');
      assert.equal(await panel.holds('7654321'), true);
      blank();
      await panel.see('code-blank');
      assert.equal(await panel.holds('7654321'), false);
      secureAgain(SECURITY_CODE);
      // Not the keypad again: another code starts anew.
      await panel.see('security-code');
      assert.deepEqual(asked, []);
    });

    it('is gone in the same moment in which it is replaced by another', async () => {
      await panel.touch('button-keypad');
      await keyIn('7654321');
      secureAgain(OTHER_CODE);
      await panel.see('security-code');
      assert.equal(await panel.holds('7654321'), false);
    });

    it('is shown on the display, and taken off', async () => {
      await panel.touch('button-code-display');
      await panel.seeAttribute('button-code-display', 'aria-pressed', 'true');
      await panel.touch('button-code-display');
      await panel.seeAttribute('button-code-display', 'aria-pressed', 'false');
      assert.deepEqual(bodiesOf('/api/v1/display/code'), [{ shown: true }, { shown: false }]);
    });

    it('is read aloud, group by group, until it is stopped or not current', async () => {
      room.speakCode = async () => spokenGroups();
      const marked = (group: number) => panel.page.getByTestId('security-code').locator('span').nth(group);
      await panel.touch('button-read-aloud');
      for (const group of [0, 1])
        await until(
          `group ${group} is marked`,
          async () => (await marked(group).evaluate((span) => getComputedStyle(span).textDecorationLine)) === 'underline'
        );
      assert.deepEqual(bodiesOf(`${CALL}/speak-code`), [{ language: 'en' }]);
      await panel.touch('button-read-aloud');
      await until('it has stopped', async () => /Read aloud/.test(await panel.text('button-read-aloud')));
      await panel.touch('button-read-aloud');
      await until('it is read', async () => /Stop reading/.test(await panel.text('button-read-aloud')));
      secureAgain(OTHER_CODE);
      await until('it has stopped', async () => /Read aloud/.test(await panel.text('button-read-aloud')));
    });
  });

  it('sends a dial tone at each touch, in order', async () => {
    await panel.touch('button-dial-tones');
    for (const key of '15#*0') await panel.touch(`tone-${key}`);
    await until('all are shown', async () => (await panel.text('keyed')) === '15#*0');
    await until('the room has all', async () => room.actions.length === 5);
    assert.deepEqual(
      room.actions,
      [...'15#*0'].map((digits) => ({ id: CALL_ID, action: 'dtmf', options: { digits } }))
    );
    changeCall({ phase: 'on-hold' });
    await until('keys are off', async () => panel.page.getByTestId('tone-1').isDisabled());
  });

  describe('the camera', () => {
    let touches: CDPSession;

    beforeEach(async () => {
      room.change((state) => ({
        ...withoutPicture(state),
        devices: { ...state.devices, media: [deviceView('camera', 'front', { can: ['pan', 'tilt', 'zoom', 'presets'] })] }
      }));
      touches = await panel.page.context().newCDPSession(panel.page);
      await panel.touch('button-camera-control');
      await panel.see('preset-Whiteboard');
      room.askedOfDevices.length = 0;
    });

    const moves = (): unknown[] => room.askedOfDevices.filter(([what]) => what === 'camera').map(([, , command]) => (command as { type: string }).type);
    const last = (): unknown => moves().at(-1);
    async function putFinger(testId: string): Promise<void> {
      const box = await panel.page.getByTestId(testId).boundingBox();
      assert.ok(box);
      const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
      await touches.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [at] });
    }

    it('moves for as long as a finger holds, and stops when it is lifted', async () => {
      await putFinger('camera-left');
      await until('it was said twice', async () => moves().length >= 2);
      assert.deepEqual(room.askedOfDevices[0], ['camera', 'front', { type: 'move', pan: -0.5, tilt: 0, zoom: 0, focus: 0, forMs: 800 }]);
      await touches.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
      await until('it stopped', async () => last() === 'stop');
    });

    for (const [how, lose] of [
      ['is taken away by the system', async () => void (await touches.send('Input.dispatchTouchEvent', { type: 'touchCancel', touchPoints: [] }))],
      ['slides off', async () => void (await touches.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [{ x: 1000, y: 700 }] }))],
      ['loses its screen', async () => changeCall({ phase: 'ended' })]
    ] as const)
      it(`stops when the finger ${how}`, async () => {
        await putFinger('camera-in');
        await until('it moves', async () => last() === 'move');
        await lose();
        await until('it stopped', async () => last() === 'stop');
      });

    it('moves by the arrow keys', async () => {
      await panel.page.getByTestId('camera-home').focus();
      await panel.page.keyboard.down('ArrowUp');
      await until('it moves', async () => last() === 'move');
      await panel.page.keyboard.up('ArrowUp');
      await until('it stopped', async () => last() === 'stop');
    });

    it('goes to a position that is kept, keeps one, and deletes one after asking', async () => {
      await panel.touch('preset-Whiteboard');
      await until('it is asked', async () => last() === 'preset-recall');
      await panel.touch('button-save-preset');
      await panel.touch('name-Table');
      await panel.touch('button-save-confirm');
      await panel.lose('sheet-save-preset');
      await panel.touch('button-delete-Whiteboard');
      await panel.see('sheet-delete-preset');
      assert.deepEqual(moves(), ['preset-recall', 'preset-save']);
      await panel.touch('button-delete-confirm');
      await panel.lose('sheet-delete-preset');
      const commands = room.askedOfDevices.filter(([what]) => what === 'camera').map(([, , command]) => command);
      assert.deepEqual(commands.slice(1), [
        { type: 'preset-save', name: 'Table' },
        { type: 'preset-delete', name: 'Whiteboard' }
      ]);
    });
  });
});

/** A WAV of four tones of 0.3 s with a second of silence between two. */
function spokenGroups(): Uint8Array {
  const RATE = 8000;
  const samples = new Int16Array(4.2 * RATE);
  for (let group = 0; group < 4; group += 1)
    for (let index = 0; index < 0.3 * RATE; index += 1) samples[Math.round(group * 1.3 * RATE) + index] = 8000 * Math.sin((2 * Math.PI * 440 * index) / RATE);
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(RATE, 24);
  header.writeUInt32LE(2 * RATE, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer)]);
}
