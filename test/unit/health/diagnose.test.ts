import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveConfig } from '../../../src/config/layers.ts';
import type { Config } from '../../../src/config/schema.ts';
import { type DiagnosisPorts, diagnose } from '../../../src/health/diagnose.ts';
import { issueBroker, issueEndpoint, makeAuthority } from '../../../src/identity/certificate-authority.ts';
import { identityOf } from '../../../src/identity/store.ts';
import { CloisterError } from '../../../src/kernel/errors.ts';
import { createFakeClock } from '../../fakes/clock.ts';

const NOW = Date.UTC(2026, 0, 1);

describe('diagnosis', () => {
  let folder: string;
  let healthy: DiagnosisPorts;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-doctor-'));
    for (const page of ['panel', 'display']) {
      await mkdir(join(folder, 'ui', page), { recursive: true });
      await writeFile(join(folder, 'ui', page, 'index.html'), '');
    }
    const authority = await makeAuthority('contoso.example', NOW);
    const identity = await identityOf(await issueEndpoint(authority, 'boardroom@contoso.example', NOW), authority.certificatePem);
    const broker = await issueBroker(authority, ['localhost'], NOW);
    healthy = {
      config: configOf({}),
      firstRun: false,
      runtimeVersion: '24.17.0',
      uiDirectory: join(folder, 'ui'),
      readIdentity: async () => identity,
      readBrokerCertificate: async () => broker,
      listCaptureDevices: async () => ({ cameras: [{ name: 'Cam' }], microphones: [{ name: 'Mic' }] }),
      listHidDevices: async () => [],
      readDeviceNodes: async () => [],
      readDeviceTools: async () => ({ v4l2Ctl: true, alsaConfiguration: true }),
      user: 'room',
      probeServer: async () => {},
      agentRuns: async () => false,
      clock: createFakeClock(NOW)
    };
  });
  after(() => rm(folder, { recursive: true }));

  function configOf(layer: Record<string, unknown>): Config {
    const resolved = resolveConfig([{ uiServer: { port: 0 }, broker: { listen: { port: 0 } }, dataDirectory: join(folder, 'not', 'there', 'yet') }, layer]);
    assert.ok(resolved.ok);
    return resolved.value;
  }
  const outcomes = async (change: Partial<DiagnosisPorts>) => {
    const diagnosis = await diagnose({ ...healthy, ...change });
    const unwell = Object.fromEntries(diagnosis.checks.filter(({ result }) => result !== 'ok').map(({ name, result }) => [name, result]));
    for (const { result, advice, text } of diagnosis.checks) assert.equal(advice !== undefined, result !== 'ok', text);
    return { result: diagnosis.result, unwell, checks: diagnosis.checks };
  };

  it('finds nothing where all is well, and tells the machine', async () => {
    assert.deepEqual((await outcomes({})).unwell, {});
    const { result, machine } = await diagnose(healthy);
    assert.equal(result, 'ok');
    assert.ok(machine !== null && machine.cores > 0 && machine.memoryMegabytes > 0);
  });

  it('says what is missing', async () => {
    const missing = async (): Promise<never> => {
      throw new CloisterError('CL_IDENTITY_MISSING');
    };
    const without = { readIdentity: missing, readBrokerCertificate: missing };
    assert.deepEqual((await outcomes(without)).unwell, { identity: 'fail', broker: 'fail' });
    assert.deepEqual((await outcomes({ ...without, firstRun: true })).unwell, { identity: 'warn', broker: 'warn' });
    assert.deepEqual((await outcomes({ uiDirectory: folder })).unwell, { pages: 'fail' });
    assert.deepEqual((await outcomes({ config: configOf({ identity: { trustedCertificates: [join(folder, 'none.pem')], acceptUnsigned: true } }) })).unwell, {
      authorities: 'fail',
      signatures: 'warn'
    });
  });

  it('goes on where a part does not load, does not answer or fails in any other way', async () => {
    const broken = async (): Promise<never> => {
      throw new Error('cannot open shared object file');
    };
    const { unwell, result, checks } = await outcomes({ listCaptureDevices: broken, listHidDevices: broken, agentRuns: broken });
    assert.deepEqual(unwell, { 'media library': 'fail', camera: 'warn', microphone: 'warn', hid: 'warn' });
    assert.equal(result, 'fail');
    assert.ok(checks.some(({ text }) => text.includes('cannot open shared object file')));

    const clock = createFakeClock(NOW);
    const hanging = outcomes({ listHidDevices: () => new Promise(() => {}), clock });
    for (let turn = 0; turn < 100_000 && clock.pending !== 1; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(clock.pending, 1, 'only the check that hangs still has its time limit');
    clock.advance(10_000);
    assert.deepEqual((await hanging).unwell, { hid: 'warn' });
    assert.equal(clock.pending, 0);
  });

  it('tells a port that another program has from one that the running agent has', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const address = taken.address();
    const config = configOf({ uiServer: { port: typeof address === 'object' ? address?.port : 0 } });
    assert.deepEqual((await outcomes({ config })).unwell, { 'panel port': 'fail' });
    assert.deepEqual((await outcomes({ config, agentRuns: async () => true })).unwell, {});
    taken.close();
  });

  it('tells what keeps panels elsewhere out, where there may be any', async function () {
    this.timeout(30_000);
    const config = configOf({ uiServer: { remote: { host: '127.0.0.1', port: 0, certificateDirectory: '/panel' } } });
    const asked: string[] = [];
    const found = await outcomes({
      config,
      readBrokerCertificate: async (directory) => {
        asked.push(directory);
        return healthy.readBrokerCertificate(directory);
      }
    });
    assert.deepEqual([found.unwell, asked.includes('/panel')], [{}, true]);
    assert.match(found.checks.find(({ name }) => name === 'remote panels')?.text ?? '', /valid until/);
    assert.ok(!(await outcomes({})).checks.some(({ name }) => name === 'remote panels'));

    const { certificatePem } = await healthy.readBrokerCertificate('/panel');
    const past = new X509Certificate(certificatePem).validToDate.getTime();
    assert.equal((await outcomes({ config, clock: createFakeClock(past) })).unwell['remote panels'], 'fail');
    const missing = async (directory: string) => {
      if (directory === '/panel') throw new CloisterError('CL_IDENTITY_MISSING');
      return healthy.readBrokerCertificate(directory);
    };
    assert.deepEqual((await outcomes({ config, readBrokerCertificate: missing, firstRun: true })).unwell, { 'remote panels': 'fail' });
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const address = taken.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const busy = configOf({ uiServer: { remote: { host: '127.0.0.1', port, certificateDirectory: '/panel' } } });
    assert.deepEqual((await outcomes({ config: busy })).unwell, { 'remote panels': 'fail' });
    assert.deepEqual((await outcomes({ config: busy, agentRuns: async () => true })).unwell, {});
    taken.close();
  });

  it('tells each STUN and TURN server that does not serve, and never its password', async () => {
    const login = { username: 'room', credential: 'hunter2' };
    const config = configOf({
      media: {
        iceServers: [{ urls: 'stun:stun.contoso.example' }, { urls: 'turn:a.contoso.example', ...login }, { urls: 'turns:b.contoso.example', ...login }]
      }
    });
    assert.deepEqual((await outcomes({ config })).unwell, {});
    const probeServer: DiagnosisPorts['probeServer'] = async ({ urls }) => {
      if (urls.startsWith('turn')) throw new CloisterError(urls.startsWith('turns') ? 'CL_RELAY_CERTIFICATE' : 'CL_RELAY_REFUSED', `no: ${urls}`);
    };
    const { result, unwell, checks } = await outcomes({ config, probeServer });
    assert.deepEqual([result, unwell], ['warn', { relays: 'warn' }]);
    const { text = '' } = checks.find(({ name }) => name === 'relays') ?? {};
    assert.match(text, /turn:a\.contoso\.example.*CL_RELAY_REFUSED.*turns:b\.contoso\.example.*CL_RELAY_CERTIFICATE/);
    assert.ok(!text.includes('hunter2') && !text.includes('stun:'));
  });

  it('says what is wrong with an external broker', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const address = closed.address();
    const port = typeof address === 'object' ? address?.port : 0;
    await new Promise((resolve) => closed.close(resolve));
    const { unwell, checks } = await outcomes({ config: configOf({ broker: { mode: 'external', url: `mqtts://127.0.0.1:${port}` } }) });
    assert.deepEqual(unwell, { broker: 'fail' });
    assert.ok(checks.some(({ text }) => text.startsWith('Nothing listens at')));
  });
});
