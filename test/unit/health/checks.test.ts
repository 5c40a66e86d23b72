import assert from 'node:assert/strict';
import { judgeAuthority, judgeCaptureDevices, judgeClock, judgeRuntime, judgeValidity } from '../../../src/health/checks.ts';
import { issueEndpoint, makeAuthority } from '../../../src/identity/certificate-authority.ts';

const NOW = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;

describe('judgements of the doctor', () => {
  it('knows the runtime that it was tested with, and the slow ones', () => {
    const results = ['20.19.0', '24.0.0', '24.17.0', '24.18.0', '24.21.3', '24.22.0', '26.1.0'].map((version) => [version, judgeRuntime(version).result]);
    assert.deepEqual(results, [
      ['20.19.0', 'fail'],
      ['24.0.0', 'ok'],
      ['24.17.0', 'ok'],
      ['24.18.0', 'warn'],
      ['24.21.3', 'warn'],
      ['24.22.0', 'ok'],
      ['26.1.0', 'warn']
    ]);
  });

  it('wants certificates that hold for more than 30 days', () => {
    const judge = (days: number) => judgeValidity('It', NOW + days * DAY_MS, NOW, 'Renew.');
    assert.deepEqual(
      [31, 30, 1, 0, -1].map((days) => judge(days).result),
      ['ok', 'warn', 'warn', 'fail', 'fail']
    );
    assert.deepEqual(judge(10), { result: 'warn', text: 'It expires in 10 days, on 2026-01-11.', advice: 'Renew.' });
    assert.equal(judge(40).advice, undefined);
  });

  it('sees a clock that cannot be right', () => {
    assert.equal(judgeClock(NOW, null).result, 'ok');
    assert.equal(judgeClock(NOW, NOW - 1).result, 'ok');
    assert.equal(judgeClock(0, null).result, 'fail');
    assert.equal(judgeClock(NOW, NOW + 1).result, 'fail');
  });

  it('takes CA certificates only', async () => {
    const authority = await makeAuthority('contoso.example', NOW);
    const { certificatePem } = await issueEndpoint(authority, 'boardroom@contoso.example', NOW);
    const judge = (pem: string, at = NOW) => judgeAuthority('ca.pem', pem, at).result;
    assert.equal(judge(authority.certificatePem), 'ok');
    assert.equal(judge(authority.certificatePem, NOW + 3640 * DAY_MS), 'warn');
    assert.equal(judge(authority.certificatePem, NOW + 3660 * DAY_MS), 'fail');
    assert.equal(judge(certificatePem), 'fail');
    assert.equal(judge(authority.certificatePem + certificatePem), 'fail');
    assert.equal(judge(''), 'fail');
    assert.equal(judge('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'), 'fail');
  });

  it('warns where a camera is wanted and none is there', () => {
    assert.equal(judgeCaptureDevices('camera', [], 'auto').result, 'warn');
    assert.equal(judgeCaptureDevices('camera', [], '/dev/video0').result, 'warn');
    assert.equal(judgeCaptureDevices('camera', ['Cam'], 'auto').result, 'ok');
    for (const choice of ['none', 'test', 'file:/x.mp4']) assert.equal(judgeCaptureDevices('camera', [], choice).result, 'ok');
  });
});
