import assert from 'node:assert/strict';
import { errorCodes } from '../../../src/kernel/error-codes.ts';
import { gainOfPercent } from '../../../src/kernel/volume.ts';
import type { DeviceView, EncryptionView, EndReason, RoomState, StandardReason } from '../../../src/room/state.ts';
import { sceneOf } from '../../../src/ui/display/scene-choice.ts';
import { back, nothingOpened, open, screenOf } from '../../../src/ui/panel/screen-choice.ts';
import { isAsleep, SLEEP_AFTER_MS } from '../../../src/ui/panel/sleep.ts';
import { isShuttered, sourceControl } from '../../../src/ui/panel/source-control.ts';
import { currentCodeOf } from '../../../src/ui/shared/current-code.ts';
import { initialsOf } from '../../../src/ui/shared/initials.ts';
import { roomStatusOf } from '../../../src/ui/shared/room-status.ts';
import { textsOf } from '../../../src/ui/texts/texts.ts';
import { SECURITY_CODE, states } from '../../browser/fixtures/states.ts';
import { deviceView } from '../../fakes/device-views.ts';

const t = textsOf('en');
const seen = (state: RoomState) => ({ state, online: true });
const callOf = (state: RoomState) => {
  assert.ok(state.call);
  return state.call;
};

describe('ui/panel/screen-choice', () => {
  it('shows each state on its screen', () => {
    const screens = Object.entries(states).map(([name, state]) => [name, screenOf(seen(state), nothingOpened)]);
    assert.deepEqual(Object.fromEntries(screens), {
      idle: 'home',
      idleEncryptionOff: 'home',
      idleOffline: 'home',
      idleProblem: 'home',
      inviting: 'outgoing',
      ringingThere: 'outgoing',
      incoming: 'incoming',
      incomingStandard: 'incoming',
      connecting: 'in-call',
      endToEnd: 'in-call',
      verified: 'in-call',
      peopleVerified: 'in-call',
      standard: 'in-call',
      securingAgain: 'in-call',
      muting: 'in-call',
      muted: 'in-call',
      held: 'in-call',
      heldThere: 'in-call',
      noPicture: 'in-call',
      cameraProblem: 'in-call',
      sharing: 'in-call',
      sharingStarts: 'in-call',
      nothingToShare: 'in-call',
      shared: 'in-call',
      sharedWithoutCamera: 'in-call',
      bothShare: 'in-call',
      ended: 'ended',
      endedUnanswered: 'ended',
      failed: 'ended'
    });
  });

  it('shows an incoming call over whatever is open', () => {
    const { id } = callOf(states.incoming);
    assert.equal(screenOf(seen(states.incoming), { page: 'call', callPage: { call: id, page: 'security' }, dismissedCall: id }), 'incoming');
  });

  it('shows the security page of this call only, and only while it runs', () => {
    const { id } = callOf(states.endToEnd);
    assert.equal(screenOf(seen(states.endToEnd), open(nothingOpened, 'security', id)), 'security');
    assert.equal(screenOf(seen(states.endToEnd), open(nothingOpened, 'security', 'another')), 'in-call');
    assert.equal(screenOf(seen(states.ended), open(nothingOpened, 'security', id)), 'ended');
  });

  it('goes home from the call that was dismissed, not from the next', () => {
    const { id } = callOf(states.ended);
    assert.equal(screenOf(seen(states.ended), { ...nothingOpened, dismissedCall: id }), 'home');
    assert.equal(screenOf(seen(states.ended), { ...nothingOpened, dismissedCall: 'another' }), 'ended');
    assert.equal(screenOf(seen(states.idle), open(nothingOpened, 'call', null)), 'call');
  });

  it('opens and closes pages: those of a call over that call alone', () => {
    const settings = open(nothingOpened, 'settings', null);
    assert.equal(screenOf(seen(states.idle), settings), 'settings');
    assert.equal(screenOf(seen(states.endToEnd), settings), 'in-call', 'the room comes first');
    const { id } = callOf(states.endToEnd);
    const camera = open(settings, 'camera', id);
    assert.equal(screenOf(seen(states.endToEnd), camera), 'camera');
    assert.deepEqual(back(camera), settings);
    assert.deepEqual(back(settings), nothingOpened);
    assert.deepEqual(open(settings, 'more', null), settings, 'without a call there is nothing that the page could be of');
  });

  it('shows nothing of the room while it does not answer', () => {
    for (const state of Object.values(states)) assert.equal(screenOf({ state, online: false }, nothingOpened), 'reconnecting');
    assert.equal(screenOf({ state: null, online: true }, nothingOpened), 'reconnecting');
  });
});

describe('ui/display/scene-choice', () => {
  it('shows the scene of each state', () => {
    assert.equal(sceneOf(seen(states.idle), null), 'idle');
    assert.equal(sceneOf(seen(states.idleProblem), null), 'idle');
    assert.equal(sceneOf(seen(states.idleOffline), null), 'problem');
    assert.equal(sceneOf(seen(states.inviting), null), 'ringing');
    assert.equal(sceneOf(seen(states.incoming), null), 'ringing');
    assert.equal(sceneOf(seen(states.connecting), null), 'in-call');
    assert.equal(sceneOf(seen(states.failed), null), 'ended');
    assert.equal(sceneOf(seen(states.failed), callOf(states.failed).id), 'idle');
  });

  it('keeps a running call’s picture while the agent is away, and nothing else', () => {
    assert.equal(sceneOf({ state: states.endToEnd, online: false }, null), 'in-call');
    assert.equal(sceneOf({ state: states.incoming, online: false }, null), 'reconnecting');
    assert.equal(sceneOf({ state: states.idle, online: false }, null), 'reconnecting');
    assert.equal(sceneOf({ state: null, online: false }, null), 'reconnecting');
  });
});

describe('ui: what is shown is what is so', () => {
  it('shows a source as it is sent and asks for the opposite of what was asked last', () => {
    assert.deepEqual(sourceControl(true, true), { sending: true, changing: false, next: 'off' });
    assert.deepEqual(sourceControl(true, false), { sending: true, changing: true, next: 'on' });
    assert.deepEqual(sourceControl(false, false), { sending: false, changing: false, next: 'on' });
    assert.deepEqual(sourceControl(false, true), { sending: false, changing: true, next: 'off' });
  });

  it('knows that the shutter of the camera in use is closed, and of no other', () => {
    const camera = (name: string, shutter: 'open' | 'closed') => deviceView('camera', name, { name, shutter });
    const withCameras = (...media: readonly DeviceView[]) => ({ camera: { kind: 'device', name: 'Front' }, media }) as const;
    assert.equal(isShuttered(withCameras(camera('Front', 'closed'), camera('Side', 'open'))), true);
    assert.equal(isShuttered(withCameras(camera('Front', 'open'), camera('Side', 'closed'))), false);
    assert.equal(isShuttered({ ...withCameras(camera('Front', 'closed')), camera: { kind: 'away', name: 'Front' } }), false);
    assert.equal(isShuttered(withCameras(deviceView('camera', 'Front', { name: 'Front' }))), false, 'a camera that does not tell');
  });

  it('gives a code only in an end-to-end encrypted call, and only while it is current', () => {
    const { encryption } = callOf(states.endToEnd);
    const codeOf = (change: Partial<EncryptionView>) => currentCodeOf({ ...encryption, ...change });
    assert.equal(codeOf({}), SECURITY_CODE);
    assert.equal(codeOf({ state: 'end-to-end-verified' }), SECURITY_CODE);
    assert.equal(codeOf({ securingAgain: true }), null);
    assert.equal(codeOf({ state: 'standard' }), null);
    assert.equal(codeOf({ state: 'failed' }), null);
    assert.equal(codeOf({ state: null }), null);
    assert.equal(codeOf({ securityCode: null }), null);
  });

  it('says of a call that will be standard that it will be, and not that it is being secured', () => {
    const { encryption } = callOf(states.incomingStandard);
    assert.equal(t.shield(encryption), t('incoming.standard'));
    assert.equal(t.shield({ ...encryption, expected: 'end-to-end' }), t('shield.none'));
    assert.equal(t.shield({ ...encryption, state: 'standard' }), t('shield.standard'));
  });

  it('calls a room ready only when nothing is wrong', () => {
    assert.equal(roomStatusOf(states.idle, t).severity, 'good');
    assert.equal(roomStatusOf(states.idleOffline, t).severity, 'bad');
    assert.equal(roomStatusOf(states.idleProblem, t).severity, 'warning');
    assert.match(roomStatusOf(states.idleProblem, t).detail ?? '', /Front camera/);
    assert.equal(roomStatusOf({ ...states.idle, network: { ...states.idle.network, clock: 'wrong' } }, t).severity, 'bad');
    assert.equal(roomStatusOf({ ...states.idle, network: { ...states.idle.network, broker: 'connecting' } }, t).severity, 'warning');
    assert.equal(roomStatusOf({ ...states.idle, health: { ...states.idle.health, status: 'degraded' } }, t).severity, 'warning');
  });
});

describe('ui/shared/texts', () => {
  it('fills names in', () => {
    assert.equal(t('display.noPicture', { name: 'Atlas' }), 'No picture from Atlas');
    assert.equal(t('display.noPicture', { name: '$& {name}' }), 'No picture from $& {name}');
  });

  it('has a different sentence for every reason of a standard call', () => {
    const reasons: StandardReason[] = ['policy-here', 'setting-here', 'recording-here', 'not-offered', 'policy-there', 'setting-there', 'recording-there'];
    const sentences = reasons.map((reason) => t.standardReason(reason));
    assert.equal(new Set(sentences).size, reasons.length);
    assert.ok(sentences.every((sentence) => sentence.endsWith('.')));
  });

  it('has a sentence for every end of a call, and the error’s own where a code says more', () => {
    const reasons: EndReason[] = [
      'hangup',
      'declined',
      'busy',
      'timeout',
      'blocked',
      'policy',
      'unsupported',
      'security-check-failed',
      'media-failed',
      'device-failed',
      'answered-elsewhere'
    ];
    for (const reason of reasons) {
      for (const by of ['here', 'there'] as const) assert.match(t.ended({ reason, by, code: null, text: '' }).reason, /\.$/);
    }
    assert.equal(t.ended({ reason: 'timeout', by: 'here', code: 'CL_CALL_TIMEOUT', text: '' }).detail, null, 'the same sentence is not said twice');
    assert.equal(t.ended({ reason: 'media-failed', by: 'here', code: 'CL_MEDIA_CONNECT', text: '' }).detail, errorCodes.CL_MEDIA_CONNECT.text);
  });

  it('says an error by its code, and something useful for one it does not know', () => {
    assert.equal(t.error('CL_CALL_BUSY'), errorCodes.CL_CALL_BUSY.text);
    assert.equal(t.error('toString'), t('error.unknown'));
  });

  it('names every feature that an end-to-end encrypted call takes away', async () => {
    const { unavailableFeatures } = await import('../../../src/call/features.ts');
    for (const { feature } of unavailableFeatures('end-to-end')) assert.notEqual(t.feature(feature), feature);
  });

  it('writes durations and initials', () => {
    assert.equal(t.duration(0), '0:00');
    assert.equal(t.duration(-5), '0:00');
    assert.equal(t.duration(245_900), '4:05');
    assert.equal(t.duration(3_729_000), '1:02:09');
    assert.equal(initialsOf('Atlas Meeting Room'), 'AR');
    assert.equal(initialsOf('  (7) ünal '), 'Ü');
    assert.equal(initialsOf(''), '');
  });
});

describe('ui/panel/sleep', () => {
  const withPresence = (state: RoomState, presence: boolean | null): RoomState => ({
    ...state,
    devices: { ...state.devices, hid: { ...state.devices.hid, presence } }
  });

  it('sleeps where a sensor says that nobody is there, a while after the last touch, and never in a call', () => {
    const { idle, incoming, endToEnd, ended } = states;
    assert.equal(isAsleep(withPresence(idle, false), SLEEP_AFTER_MS), true);
    assert.equal(isAsleep(withPresence(ended, false), SLEEP_AFTER_MS), true);
    assert.equal(isAsleep(withPresence(idle, false), SLEEP_AFTER_MS - 1), false);
    assert.equal(isAsleep(withPresence(idle, true), SLEEP_AFTER_MS), false);
    assert.equal(isAsleep(withPresence(idle, null), 100 * SLEEP_AFTER_MS), false, 'without a sensor nobody would be seen coming');
    const { devices } = idle;
    const lifted = { ...idle, devices: { ...devices, hid: { ...devices.hid, presence: false }, liftedAt: '2026-01-01T00:00:00.000Z' } };
    assert.equal(isAsleep(lifted, SLEEP_AFTER_MS), false, 'who lifts a receiver is there');
    for (const state of [incoming, endToEnd]) assert.equal(isAsleep(withPresence(state, false), SLEEP_AFTER_MS), false);
  });
});

describe('volume', () => {
  it('goes from nothing to all, and up with every per cent', () => {
    assert.deepEqual([gainOfPercent(0), gainOfPercent(50), gainOfPercent(100), gainOfPercent(-5), gainOfPercent(200)], [0, 0.25, 1, 0, 1]);
    for (let percent = 1; percent <= 100; percent++) assert.ok(gainOfPercent(percent) > gainOfPercent(percent - 1));
  });
});
