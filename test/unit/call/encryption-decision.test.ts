import assert from 'node:assert/strict';
import { decideEncryption, type EncryptionPreference, localEncryption, wireReason } from '../../../src/call/encryption-decision.ts';

const preference = (policy: EncryptionPreference['policy'], setting: boolean, complianceRecording = false): EncryptionPreference => ({
  policy,
  setting,
  complianceRecording
});

describe('encryption decision (R5, R7, R11)', () => {
  it('is available only when the policy allows it and the setting is on', () => {
    const table: [EncryptionPreference, string][] = [
      [preference('Disabled', true), 'policy-here'],
      [preference('Disabled', false), 'policy-here'],
      [preference('DisabledUserOverride', false), 'setting-here'],
      [preference('DisabledUserOverride', true), 'available'],
      [preference('Required', false), 'available'],
      [preference('Required', true), 'available'],
      [preference('Required', true, true), 'recording-here'],
      [preference('DisabledUserOverride', true, true), 'recording-here']
    ];
    for (const [given, expected] of table) {
      const local = localEncryption(given);
      assert.equal(local.available ? 'available' : local.reason, expected, JSON.stringify(given));
      assert.equal(local.required, given.policy === 'Required');
    }
  });

  it('is end-to-end only when both sides are willing and the other side’s material is there', () => {
    const willing = localEncryption(preference('DisabledUserOverride', true));
    assert.deepEqual(decideEncryption(willing, { willing: true, material: 'aa', reason: undefined }), { kind: 'end-to-end', material: 'aa' });
    assert.deepEqual(decideEncryption(willing, { willing: true, material: undefined, reason: undefined }), { kind: 'standard', reason: 'not-offered' });
    assert.deepEqual(decideEncryption(willing, { willing: false, material: 'aa', reason: 'setting' }), { kind: 'standard', reason: 'setting-there' });
    const unwilling = localEncryption(preference('Disabled', true));
    assert.deepEqual(decideEncryption(unwilling, { willing: true, material: 'aa', reason: undefined }), { kind: 'standard', reason: 'policy-here' });
  });

  it('refuses a call that cannot be end-to-end where the policy is Required', () => {
    const required = localEncryption(preference('Required', false));
    assert.deepEqual(decideEncryption(required, { willing: false, material: undefined, reason: undefined }), { kind: 'refused', reason: 'not-offered' });
    const recorded = localEncryption(preference('Required', true, true));
    assert.deepEqual(decideEncryption(recorded, { willing: true, material: 'aa', reason: undefined }), { kind: 'refused', reason: 'recording-here' });
  });

  it('tells the other side its reason', () => {
    assert.equal(wireReason(localEncryption(preference('DisabledUserOverride', true))), undefined);
    assert.equal(wireReason(localEncryption(preference('Disabled', true))), 'policy');
    assert.equal(wireReason(localEncryption(preference('DisabledUserOverride', false))), 'setting');
    assert.equal(wireReason(localEncryption(preference('DisabledUserOverride', true, true))), 'recording');
  });
});
