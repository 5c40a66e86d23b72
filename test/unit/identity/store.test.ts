import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureIdentities, runIdentityCommand } from '../../../agent/commands/identity.ts';
import { issueBroker, issueEndpoint, makeAuthority } from '../../../src/identity/certificate-authority.ts';
import { openEnvelopes } from '../../../src/identity/envelopes.ts';
import type { Arrival } from '../../../src/identity/port.ts';
import { readAuthority, readBrokerCertificate, readIdentity, writeAuthority, writeIssued } from '../../../src/identity/store.ts';
import { loadTrustStore } from '../../../src/identity/trust-store.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { silentLog } from '../../../src/kernel/log.ts';
import { type Envelope, parseEnvelope } from '../../../src/signaling/messages.ts';
import { makeWorld } from '../../fakes/signaling-world.ts';

const NOW_MS = Date.now();
const contoso = makeAuthority('contoso.example', NOW_MS);

describe('identity on disk', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cloister-store-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function issued(account = 'boardroom@contoso.example'): Promise<string> {
    const authority = await contoso;
    const room = join(directory, account);
    await writeIssued(room, await issueEndpoint(authority, account, NOW_MS), authority.certificatePem);
    return room;
  }

  describe('identity store', () => {
    it('writes and reads an identity and an authority, keys for their owner only', async () => {
      const room = await issued();
      const identity = await readIdentity(room);
      assert.equal(identity.account, 'boardroom@contoso.example');
      assert.equal(identity.organisation, 'contoso.example');
      assert.equal(identity.chain.length, 1);
      assert.ok(identity.notAfter.getTime() > NOW_MS);
      await writeAuthority(join(directory, 'ca'), await contoso);
      assert.equal((await readAuthority(join(directory, 'ca'))).organisation, 'contoso.example');
      for (const key of [join(room, 'key.pem'), join(directory, 'ca', 'ca-key.pem')]) assert.equal((await stat(key)).mode & 0o777, 0o600);
    });

    it('overwrites nothing and leaves nothing half done', async () => {
      const room = await issued();
      const before = await readFile(join(room, 'key.pem'), 'utf8');
      await assert.rejects(issued(), { code: 'CL_IDENTITY_EXISTS' });
      assert.equal(await readFile(join(room, 'key.pem'), 'utf8'), before);
      const other = join(directory, 'other');
      await writeAuthority(other, await contoso);
      await assert.rejects(writeIssued(other, await issueEndpoint(await contoso, 'a@contoso.example', NOW_MS), 'x'), { code: 'CL_IDENTITY_EXISTS' });
      assert.deepEqual((await readdir(other)).sort(), ['ca-key.pem', 'ca.pem', 'crl.pem']);
    });

    it('says what is missing, garbled, of another key or open to others', async () => {
      await assert.rejects(readIdentity(directory), { code: 'CL_IDENTITY_MISSING' });
      const room = await issued();
      const other = await issued('other@contoso.example');
      const key = join(room, 'key.pem');
      const certificate = join(room, 'certificate.pem');
      const [good, goodCertificate] = [await readFile(key, 'utf8'), await readFile(certificate, 'utf8')];
      const secret = good.split('\n')[1] ?? '';
      for (const text of ['', 'garbled', good.replace(secret.slice(0, 20), 'AAAA'), await readFile(join(other, 'key.pem'), 'utf8')]) {
        await writeFile(key, text);
        await assert.rejects(readIdentity(room), (error: Error & { code?: string }) => error.code === 'CL_IDENTITY_INVALID' && !String(error).includes(secret));
      }
      await writeFile(key, good);
      const stranger = await makeAuthority('contoso.example', NOW_MS);
      const broker = await issueBroker(await contoso, ['localhost'], NOW_MS);
      for (const text of ['', 'garbled', goodCertificate.replaceAll('M', 'N'), await readFile(join(other, 'certificate.pem'), 'utf8'), broker.certificatePem]) {
        await writeFile(certificate, text);
        await assert.rejects(readIdentity(room), { code: 'CL_IDENTITY_INVALID' });
      }
      await writeFile(certificate, goodCertificate);
      await writeFile(join(room, 'ca.pem'), stranger.certificatePem);
      await assert.rejects(readIdentity(room), { code: 'CL_IDENTITY_INVALID' });
      await writeFile(join(room, 'ca.pem'), (await contoso).certificatePem);
      if (process.platform !== 'win32') {
        await chmod(key, 0o640);
        await assert.rejects(readIdentity(room), { code: 'CL_IDENTITY_INVALID' });
        await chmod(key, 0o600);
      }
      assert.ok(await readIdentity(room));
    });
  });

  describe('the identity command', () => {
    async function run(...args: string[]): Promise<{ status: number; out: string[]; err: string[] }> {
      const [out, err]: [string[], string[]] = [[], []];
      const status = await runIdentityCommand(args, { stdout: (line) => out.push(line), stderr: (line) => err.push(line) });
      return { status, out, err };
    }

    it('makes a CA, a room and a broker, and revokes the room', async () => {
      const [ca, room, broker] = [join(directory, 'ca'), join(directory, 'room'), join(directory, 'broker')];
      assert.equal((await run('init-ca', '--organisation', 'contoso.example', '--out', ca)).status, 0);
      const made = await run('issue', '--account', 'boardroom@contoso.example', '--ca', ca, '--out', room, '--json');
      assert.equal(made.status, 0);
      const { endpoint, account } = JSON.parse(made.out[0] ?? '');
      assert.equal(account, 'boardroom@contoso.example');
      assert.equal(endpoint, (await readIdentity(room)).endpointId);
      assert.equal((await run('issue-broker', '--ca', ca, '--host', 'localhost', '--host', '192.0.2.1', '--out', broker)).status, 0);
      assert.ok(await readBrokerCertificate(broker));
      const chain = (await readIdentity(room)).chain.map((der) => new Uint8Array(Buffer.from(der, 'base64')));
      const trust = await loadTrustStore({ authorities: [join(ca, 'ca.pem')], revocationLists: [join(ca, 'crl.pem')] });
      assert.ok(trust.verifyEndpoint(chain, Date.now()).ok);
      assert.equal((await run('revoke', '--ca', ca, '--certificate', join(room, 'certificate.pem'))).status, 0);
      assert.equal((await run('renew-crl', '--ca', ca)).status, 0);
      await trust.reload();
      const verdict = trust.verifyEndpoint(chain, Date.now());
      assert.ok(!verdict.ok && verdict.error.code === 'CL_ENVELOPE_CERTIFICATE_REVOKED');
      assert.equal((await run('show', room)).status, 0);
    });

    it('tells bad usage from failure', async () => {
      for (const args of [
        [],
        ['x'],
        ['__proto__'],
        ['show'],
        ['show', 'a', 'b'],
        ['issue', '--out', directory],
        ['init-ca', '--nonsense'],
        ['issue-broker', '--ca', 'x', '--out', 'y'],
        ['init-ca', 'stray', '--out', 'x']
      ]) {
        assert.equal((await run(...args)).status, 2, args.join(' '));
      }
      for (const args of [
        ['show', directory],
        ['init-ca', '--organisation', 'Contoso', '--out', directory],
        ['revoke', '--ca', directory, '--certificate', 'x']
      ]) {
        const failed = await run(...args, '--json');
        assert.equal(failed.status, 1, args.join(' '));
        assert.match(JSON.parse(failed.out[0] ?? '').error.code, /^CL_/);
      }
      assert.deepEqual(await readdir(directory), []);
    });

    it('makes the identities of a demo once', async () => {
      const rooms = ['one@contoso.example', 'two@contoso.example'].map((account) => ({ account, directory: join(directory, account) }));
      const folders = { authority: join(directory, 'ca'), broker: join(directory, 'broker'), rooms };
      await ensureIdentities(folders);
      const first = await Promise.all(rooms.map((room) => readIdentity(room.directory)));
      await ensureIdentities(folders);
      const second = await Promise.all(rooms.map((room) => readIdentity(room.directory)));
      assert.deepEqual(
        first.map((identity) => identity.account),
        rooms.map((room) => room.account)
      );
      assert.deepEqual(
        second.map((identity) => identity.endpointId),
        first.map((identity) => identity.endpointId)
      );
      assert.ok(await readBrokerCertificate(folders.broker));
    });
  });

  describe('envelopes', () => {
    it('remembers across a restart what was seen, and nothing else about it', async () => {
      const world = await makeWorld();
      const nowS = Math.floor(Date.now() / 1000);
      const id = '0190f3c2-7d4e-7a31-8c55-000000000001';
      const envelope: Envelope = {
        v: 1,
        id,
        type: 'call.ringing',
        call: id,
        from: { account: world.alice.account, endpoint: world.alice.endpointId },
        to: { account: world.bob.account, endpoint: world.bob.endpointId },
        iat: nowS,
        exp: nowS + 60,
        body: {}
      };
      const arrival: Arrival = {
        nowMs: Date.now(),
        topic: { sender: world.alice.endpointId, inbox: 'endpoint' },
        form: { maxBytes: 65_536, parse: parseEnvelope },
        mayBeLate: false
      };
      const replayFile = join(directory, 'state', 'seen');
      const open = (file?: string) =>
        openEnvelopes({ identity: world.bob, trust: world.trust, clock: systemClock, log: silentLog, ...(file && { replayFile: file }) });
      const code = async (envelopes: ReturnType<typeof open>): Promise<string> => {
        const result = await envelopes.open(bytes, arrival);
        return result.ok ? 'ok' : result.error.error.code;
      };
      using alice = openEnvelopes({ identity: world.alice, trust: world.trust, clock: systemClock, log: silentLog });
      const bytes = await alice.seal(envelope);
      {
        using first = open(replayFile);
        assert.equal(await code(first), 'ok');
      }
      assert.equal(await readFile(replayFile, 'utf8'), `${(nowS + 360) * 1000} ${world.alice.endpointId} ${id}\n`);
      await writeFile(replayFile, `garbled\n${await readFile(replayFile, 'utf8')}1 half`);
      using second = open(replayFile);
      assert.equal(await code(second), 'CL_ENVELOPE_REPLAYED');
      using forgetful = open();
      assert.equal(await code(forgetful), 'ok');
      assert.throws(() => open(directory), { code: 'CL_CONFIG_INVALID' });
    });
  });
});
