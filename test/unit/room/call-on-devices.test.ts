import assert from 'node:assert/strict';
import { callOnDevices } from '../../../src/room/call-on-devices.ts';
import type { CallView } from '../../../src/room/state.ts';
import { states } from '../../browser/fixtures/states.ts';

const { call: connected } = states.endToEnd;
assert.ok(connected !== null);
const talking: CallView = connected;
const THERE = { kind: 'device', name: 'Table' } as const;
const AWAY = { kind: 'away', name: 'Table' } as const;

const call = (wanted: boolean, sending: boolean, packetsSent = 5, phase: CallView['phase'] = 'connected'): CallView => ({
  ...talking,
  phase,
  media: { ...talking.media, wanted: { ...talking.media.wanted, microphone: wanted }, audio: { ...talking.media.audio, sending, packetsSent } }
});
const muted = (view: CallView, microphone: typeof THERE | typeof AWAY = THERE): boolean => callOnDevices(view, microphone).muted;

describe('a call on devices', () => {
  it('is muted once nothing leaves of a microphone that is to be closed, and not before', () => {
    assert.deepEqual([muted(call(false, true)), muted(call(false, false)), muted(call(false, false, 0))], [false, true, true]);
  });

  it('is not muted where an open microphone only stalls: a press of a key that toggles would open what people mean to close', () => {
    assert.deepEqual([muted(call(true, true)), muted(call(true, false)), muted(call(true, false, 0))], [false, false, false]);
  });

  it('is muted while the microphone is away: nothing of the room is heard', () => {
    assert.deepEqual([muted(call(true, false), AWAY), muted(call(true, false, 5, 'on-hold'), AWAY)], [true, false]);
  });

  it('is muted in a conference once nothing leaves in any call of it', () => {
    const of = (view: CallView, id: string): CallView => ({ ...view, conference: { id, phase: 'joined', third: talking.peer, host: true } });
    const beside = (front: CallView, other: CallView): boolean => callOnDevices(front, THERE, [other]).muted;
    assert.deepEqual(
      [call(false, true), call(false, false)].map((other) => beside(of(call(false, false), 'c'), of(other, 'c'))),
      [false, true]
    );
    assert.equal(beside(of(call(false, false), 'c'), of(call(false, true), 'another')), true);
    assert.equal(beside(call(false, false), call(false, true)), true, 'two calls without one are not one');
  });

  it('says on hold, and before the call is there, what was asked for', () => {
    for (const phase of ['on-hold', 'connecting', 'inviting'] as const)
      assert.deepEqual([muted(call(true, false, 5, phase)), muted(call(false, false, 5, phase))], [false, true], phase);
  });
});
