// Reports: what is in them, that nothing secret or private is, how large they are, how many are kept, and what happens when one cannot be made.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomically } from '../../../src/config/atomic-file.ts';
import type { BundleSources } from '../../../src/health/bundle.ts';
import type { Diagnosis } from '../../../src/health/diagnose.ts';
import { createReports, type ReportsOptions } from '../../../src/health/reports.ts';
import { tarOf } from '../../../src/health/tar.ts';
import { CloisterError } from '../../../src/kernel/errors.ts';
import { silentLog } from '../../../src/kernel/log.ts';
import { redactDocument, redactText } from '../../../src/logging/redact.ts';
import { createFakeClock, type FakeClock } from '../../fakes/clock.ts';
import { createFakeRoom } from '../../fakes/room.ts';
import { untar } from '../../fakes/untar.ts';

const CODE = '50239 47533 26749 97493';
const DIAGNOSIS: Diagnosis = { result: 'ok', checks: [{ name: 'clock', result: 'ok', text: 'Right.' }], machine: null };

describe('reports', () => {
  let folder: string;
  let directory: string;
  let clock: FakeClock;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-reports-'));
    directory = join(folder, 'data', 'reports');
    clock = createFakeClock();
  });
  afterEach(() => rm(folder, { recursive: true }));

  function open({ sources = {}, ...options }: Partial<Omit<ReportsOptions, 'sources'>> & { sources?: Partial<BundleSources> } = {}) {
    const room = createFakeRoom();
    return createReports({
      directory,
      maxBytes: 5_000_000,
      sources: {
        state: room.state,
        config: { room: { name: 'Boardroom' } },
        diagnosis: async () => DIAGNOSIS,
        logLines: () => ['{"message":"one"}', '{"message":"two"}'],
        process: () => ({ upSeconds: 12 }),
        secrets: () => [],
        redact: { text: redactText, document: redactDocument },
        ...sources
      },
      writeFile: writeFileAtomically,
      clock,
      log: silentLog,
      ...options
    });
  }
  const contentOf = (archive: Uint8Array): Record<string, string> =>
    Object.fromEntries(untar(archive).map(({ name, text }) => [name.split('/').at(-1) ?? '', text]));

  it('holds the room as it is, what the person wrote, the configuration, the checks and the log', async () => {
    const reports = open();
    const made = await reports.create('  No sound.\nSince noon.  ');
    assert.deepEqual([made.text, made.at], ['No sound.\nSince noon.', new Date(clock.now()).toISOString()]);
    const { name, bytes } = await reports.open(made.id);
    assert.match(name, /^cloister-report-2026-01-01-[0-9a-f]{12}\.tar\.gz$/);
    assert.equal(bytes.length, made.bytes);
    const files = untar(bytes);
    assert.deepEqual(
      files.map((file) => file.name.replace(/^cloister-report-[0-9a-f-]{36}\//, '')),
      ['README.txt', 'report.json', 'state.json', 'configuration.json', 'checks.json', 'log.jsonl']
    );
    assert.ok(files.every(({ mode }) => mode === 0o600));
    const content = contentOf(bytes);
    assert.deepEqual(JSON.parse(content['report.json'] ?? ''), {
      id: made.id,
      at: made.at,
      text: 'No sound.\nSince noon.',
      agent: { agent: '0.1.0', protocol: 1 },
      process: { upSeconds: 12 }
    });
    assert.equal(JSON.parse(content['state.json'] ?? '').room.name, 'Boardroom');
    assert.deepEqual(JSON.parse(content['configuration.json'] ?? ''), { room: { name: 'Boardroom' } });
    assert.deepEqual(JSON.parse(content['checks.json'] ?? ''), DIAGNOSIS);
    assert.equal(content['log.jsonl'], '{"message":"one"}\n{"message":"two"}\n');
  });

  it('holds no secret, whatever place it was planted in', async () => {
    const room = createFakeRoom();
    room.ring('peercanary@contoso.example');
    room.connect(CODE);
    room.changeCall((call) => ({
      ...call,
      parkCode: '7316',
      transfer: { to: 'transfercanary@contoso.example', phase: 'asked' },
      conference: { id: 'c', phase: 'joined', third: { account: 'thirdcanary@contoso.example', displayName: 'thirdcanary' }, host: true },
      notAdded: { account: 'notaddedcanary@contoso.example', displayName: 'notaddedcanary' },
      referredBy: { account: 'referrercanary@contoso.example', displayName: 'referrercanary' },
      ...{ addedLater: 'latercanary' },
      peer: { ...call.peer, displayName: 'namecanary' }
    }));
    room.change((state) => ({
      ...state,
      ...{ addedLater: 'latercanary' },
      otherCalls: state.call === null ? [] : [{ ...state.call, encryption: { ...state.call.encryption, securityCode: '11111 22222 33333 44444' } }],
      people: {
        favourites: [{ account: 'favcanary@contoso.example', displayName: 'favcanary', presence: 'online' }],
        recents: [
          {
            id: 'r',
            account: 'recentcanary@contoso.example',
            displayName: 'recentcanary',
            direction: 'incoming',
            outcome: 'missed',
            at: '2026-01-01T00:00:00.000Z',
            durationMs: 0,
            encryption: null
          }
        ],
        missedUnseen: 1
      },
      health: {
        ...state.health,
        securityEvents: [
          { at: '2026-01-01T00:00:00.000Z', code: 'CL_SECURITY_HANDSHAKE', detectedBy: 'handshake', text: `token=eventcanary ${CODE}`, call: null }
        ]
      }
    }));
    const reports = open({
      sources: {
        state: room.state,
        config: {
          media: {
            iceServers: [{ urls: 'turn:turn.contoso.example', username: 'usercanary', credential: 'credentialcanary' }],
            camera: 'rtsp://admin:urlcanary@camera/1'
          },
          key: 'keycanary'
        },
        diagnosis: async () => ({
          ...DIAGNOSIS,
          checks: [{ name: 'relays', result: 'warn', text: 'turn refused credentialcanary and known canary "quoted"', advice: '' }]
        }),
        logLines: () => [
          `{"message":"code ${CODE}"}`,
          '{"message":"a=ice-pwd:icecanaryicecanary1234"}',
          '{"message":"-----BEGIN PRIVATE KEY-----\\nPEMCANARY\\n-----END PRIVATE KEY-----"}',
          '{"message":"password=logcanary"}',
          '{"message":"it said credentialcanary"}',
          '{"message":"it said known canary \\"quoted\\""}',
          `{"message":"nonce ${'ab'.repeat(32)}"}`
        ],
        secrets: () => ['usercanary', 'credentialcanary', 'known canary "quoted"', 'abc']
      }
    });
    const made = await reports.create(`The code was ${CODE}, my pin: 394715, or was the PIN 802746? La PIN est le 512 093.`);
    const { bytes } = await reports.open(made.id);
    const everything =
      untar(bytes)
        .map(({ text }) => text)
        .join('\n') + made.text;
    for (const canary of ['canary', 'CANARY', CODE, '5023947533', '11111 22222', '394715', '802746', '512 093', '7316', 'abab'])
      assert.ok(!everything.includes(canary), canary);
    // What explains a fault is still there.
    const state = JSON.parse(contentOf(bytes)['state.json'] ?? '');
    assert.deepEqual(state.people, { favourites: 1, recents: 1, missedUnseen: 1 });
    assert.deepEqual([state.call.conference, state.call.notAdded, state.call.referred], [{ phase: 'joined', host: true }, true, true]);
    assert.deepEqual([state.call.peer, state.call.phase], [{ organisation: 'contoso.example', identity: 'verified' }, 'connected']);
    assert.equal(JSON.parse(contentOf(bytes)['configuration.json'] ?? '').media.iceServers[0].urls, 'turn:turn.contoso.example');
  });

  it('leaves a code out that came while it was made', async () => {
    const room = createFakeRoom();
    const lines: string[] = [];
    const reports = open({
      sources: {
        state: room.state,
        logLines: () => lines,
        async diagnosis() {
          room.ring();
          room.connect('12345 67890 12345 67890');
          // The longer number has not the form of a code, but that of this room's is known.
          lines.push('1234567890 then 1234567890', '12345678901234567890', '9912345678901234567890');
          return DIAGNOSIS;
        }
      }
    });
    const { bytes } = await reports.diagnostics();
    assert.ok(!untar(bytes).some(({ text }) => text.includes('12345678901234567890') || text.includes('12345 67890 12345')));
  });

  it('leaves a code out that went while it was made', async () => {
    const room = createFakeRoom();
    room.ring();
    room.connect(CODE);
    const reports = open({
      sources: {
        state: room.state,
        logLines: () => [`99${CODE.replaceAll(' ', '')}`],
        async diagnosis() {
          room.change((state) => ({ ...state, call: null }));
          return DIAGNOSIS;
        }
      }
    });
    const { bytes } = await reports.diagnostics();
    assert.ok(!untar(bytes).some(({ text }) => text.includes(CODE.replaceAll(' ', ''))));
  });

  it('is made also where the checks fail', async () => {
    const { bytes } = await open({ sources: { diagnosis: () => Promise.reject(new Error('no')) } }).diagnostics();
    assert.deepEqual(JSON.parse(contentOf(bytes)['checks.json'] ?? ''), { failed: 'Error: no' });
    assert.deepEqual(await readdir(folder), []);
  });

  it('loses the oldest lines of the log where it would be too large, and is refused where that is not enough', async () => {
    let seed = 1;
    const noise = (): string => {
      let text = '';
      while (text.length < 1000) {
        seed = (seed * 48_271) % 2_147_483_647;
        text += `${(seed % 100_000).toString(36)} `;
      }
      return text;
    };
    const lines = Array.from({ length: 400 }, (_, index) => `${index}: ${noise()}`);
    const { bytes } = await open({ maxBytes: 65_536, sources: { logLines: () => lines } }).diagnostics();
    assert.ok(bytes.length <= 65_536 && bytes.length > 10_000, `${bytes.length}`);
    const kept = (contentOf(bytes)['log.jsonl'] ?? '').trim().split('\n');
    assert.ok(kept.length < 400 && (kept.at(-1) ?? '').startsWith('399: '));
    await assert.rejects(open({ maxBytes: 500 }).create('x'), { code: 'CL_REPORT_FAILED' });
    assert.deepEqual(await readdir(folder), []);
  });

  it('keeps the ten latest, for the owner alone, and lists them with the latest first', async () => {
    const reports = open();
    const ids: string[] = [];
    for (let count = 0; count < 12; count++) {
      clock.advance(1000);
      ids.push((await reports.create(`Report ${count}`)).id);
    }
    await writeFile(join(directory, '.left-behind'), 'x');
    clock.advance(1000);
    ids.push((await reports.create('the last')).id);
    const listed = await reports.list();
    assert.deepEqual(
      listed.map(({ id }) => id),
      ids.slice(-10).reverse()
    );
    assert.equal((await readdir(directory)).length, 20);
    await assert.rejects(reports.open(ids[0] ?? ''), { code: 'CL_REPORT_UNKNOWN' });
    if (process.platform === 'win32') return;
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
    for (const name of await readdir(directory)) assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600);
  });

  it('keeps the one that was just made, also where the clock was ahead before', async () => {
    const reports = open();
    for (let count = 0; count < 10; count++) {
      clock.advance(1000);
      await reports.create(`Report ${count}`);
    }
    clock.jump(-365 * 24 * 3_600_000);
    const made = await reports.create('The clock is wrong.');
    assert.equal((await reports.list()).length, 10);
    assert.ok((await reports.list()).some(({ id }) => id === made.id));
    assert.equal((await reports.open(made.id)).bytes.length, made.bytes);
  });

  it('is kept whatever the words look like', async () => {
    const reports = open();
    // What is taken out of them is shorter than what is put in its place.
    const made = await reports.create('://a@'.repeat(400));
    assert.deepEqual(await reports.list(), [made]);
    assert.equal((await reports.open(made.id)).bytes.length, made.bytes);
  });

  it('is made without checks that do not end, so that nobody waits for ever', async () => {
    const reports = open({ sources: { diagnosis: () => new Promise(() => {}) } });
    const making = reports.create('one');
    const wiped = reports.wipe();
    await clock.advanceAsync(30_000);
    assert.ok((await making).bytes > 0);
    await wiped;
    assert.deepEqual(await reports.list(), []);
    assert.equal(clock.pending, 0);
  });

  it('is known after a restart, and a damaged one is passed over', async () => {
    const made = await open().create('one');
    clock.advance(1000);
    const broken = await open().create('two');
    for (const content of ['{', JSON.stringify(made)]) {
      await writeFile(join(directory, `${broken.id}.json`), content);
      assert.deepEqual(await open().list(), [made]);
    }
  });

  it('opens nothing but reports', async () => {
    const reports = open();
    const { id } = await reports.create('');
    await writeFile(join(directory, 'secret.tar.gz'), 'x');
    for (const wrong of ['', '..', '../reports', 'secret', `${id}/../${id}`, id.toUpperCase(), `${id}.tar.gz`, `${id}\0`])
      await assert.rejects(reports.open(wrong), { code: 'CL_REPORT_UNKNOWN' }, wrong);
  });

  it('is made one at a time, and leaves nothing behind where the disk is full', async () => {
    const wait = Promise.withResolvers<Diagnosis>();
    const reports = open({ sources: { diagnosis: () => wait.promise } });
    const first = reports.create('first');
    await assert.rejects(reports.create('second'), { code: 'CL_REPORT_BUSY' });
    await assert.rejects(reports.diagnostics(), { code: 'CL_REPORT_BUSY' });
    wait.resolve(DIAGNOSIS);
    await first;
    for (const fails of ['.json', '.tar.gz']) {
      const full = open({
        writeFile: async (path, content, mode) => {
          if (path.endsWith(fails)) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
          await writeFileAtomically(path, content, mode);
        }
      });
      await assert.rejects(
        full.create('third'),
        (error) => error instanceof CloisterError && error.code === 'CL_REPORT_FAILED' && !error.message.includes('ENOSPC')
      );
    }
    assert.equal((await readdir(directory)).length, 2);
    assert.equal((await reports.list()).length, 1);
  });

  it('is gone after a wipe, also the one that is being made', async () => {
    const wait = Promise.withResolvers<Diagnosis>();
    await open().create('one');
    const reports = open({ sources: { diagnosis: () => wait.promise } });
    const making = reports.create('two');
    const wiped = reports.wipe();
    wait.resolve(DIAGNOSIS);
    await making;
    await wiped;
    assert.deepEqual(await reports.list(), []);
    assert.deepEqual(await readdir(join(folder, 'data')), []);
    await reports.wipe();
  });

  it('is not begun while a wipe removes what there is', async () => {
    const reports = open();
    await reports.create('one');
    const wiped = reports.wipe();
    await assert.rejects(reports.create('two'), { code: 'CL_REPORT_BUSY' });
    await wiped;
    const [first, second, third] = [reports.create('three'), reports.wipe(), reports.wipe()];
    await assert.rejects(reports.create('four'), { code: 'CL_REPORT_BUSY' });
    await Promise.all([first, second, third]);
    assert.deepEqual(await reports.list(), []);
    await reports.create('five');
    assert.equal((await reports.list()).length, 1);
  });
});

describe('an archive', () => {
  it('takes no name that leads elsewhere or does not fit', () => {
    for (const name of ['', '/etc/passwd', '../a', 'a/../b', 'a\0b', 'ä', 'a'.repeat(101)])
      assert.throws(() => tarOf([{ name, content: new Uint8Array() }], 0), { code: 'CL_INTERNAL' }, name);
    assert.equal(tarOf([{ name: 'a', content: new Uint8Array(512) }], 0).length, 4 * 512);
  });
});
