import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import * as fc from 'fast-check';
import { createLog, type LogOptions } from '../../../src/logging/create-log.ts';
import { redactDocument, redactFields, redactText } from '../../../src/logging/redact.ts';

const HEX = '0123456789abcdef'.repeat(4);
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 6);

function memory() {
  const written: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      written.push(String(chunk));
      done();
    }
  });
  return { stream, lines: () => written.join('').split('\n').slice(0, -1) };
}

const open = (options: Partial<LogOptions> = {}) => {
  const { stream, lines } = memory();
  return { lines, log: createLog({ level: 'info', directory: null, stream, clock: { now: () => NOW }, ...options }) };
};

describe('log', () => {
  it('writes one JSON object a line, with the fields of its children', async () => {
    const { log, lines } = open();
    log.info('started', { port: 8480, nothing: undefined });
    log.child({ part: 'signaling' }).child({ call: 'c1' }).warn('slow', { ms: 12 });
    log.debug('not asked for');
    await log[Symbol.asyncDispose]();
    assert.deepEqual(
      lines().map((line) => JSON.parse(line)),
      [
        { time: '2026-01-02T03:04:05.006Z', level: 'info', message: 'started', port: 8480 },
        { time: '2026-01-02T03:04:05.006Z', level: 'warn', message: 'slow', part: 'signaling', call: 'c1', ms: 12 }
      ]
    );
  });

  it('keeps the latest five hundred lines that were written, redacted', async () => {
    const { log, lines } = open();
    log.debug('not asked for');
    for (let count = 0; count < 510; count++) log.child({ count }).info('line', { token: 'canary' });
    const recent = log.recent();
    await log[Symbol.asyncDispose]();
    assert.deepEqual(recent, lines().slice(-500));
    assert.match(recent[0] ?? '', /"count":10,/);
    assert.ok(!recent.join().includes('canary'));
  });

  it('writes short lines for people', async () => {
    const { log, lines } = open({ format: 'text', level: 'debug' });
    log.debug('call', { phase: 'connected', text: 'two words' });
    await log[Symbol.asyncDispose]();
    assert.deepEqual(lines(), ['03:04:05.006 debug call phase=connected text="two words"']);
  });

  it('cannot be made to write a line, a level or a terminal command of somebody else', async () => {
    for (const format of ['json', 'text'] as const) {
      const { log, lines } = open({ format });
      log.info('a\n{"level":"error"}\u001b[2J\u2028', { level: 'error', time: 'never', message: 'x', 'k\n': 'a\nb\u009b' });
      await log[Symbol.asyncDispose]();
      assert.equal(lines().length, 1);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      if (format === 'text') assert.doesNotMatch(lines()[0] ?? '', /[\u0000-\u001f\u007f-\u009f\u2028]/);
      else assert.equal((JSON.parse(lines()[0] ?? '') as { level: string }).level, 'info');
    }
  });

  it('redacts messages and fields, also of children', async () => {
    const { log, lines } = open();
    log.child({ nonce: 'abc' }).error(`code 12345 67890 12345 67890`, { ticket: 'x', text: `commitment ${HEX}`, code: 'CL_CALL_BUSY' });
    await log[Symbol.asyncDispose]();
    const [line = ''] = lines();
    assert.doesNotMatch(line, /12345|abc|0123456789abcdef/);
    assert.match(line, /CL_CALL_BUSY/);
  });

  it('keeps a file of JSON lines beside the stream', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cloister-log-'));
    const directory = join(folder, 'deep', 'log');
    const { log, lines } = open({ directory, format: 'text' });
    log.info('kept', { n: 1 });
    await log[Symbol.asyncDispose]();
    assert.equal(lines().length, 1);
    assert.deepEqual(JSON.parse(await readFile(join(directory, 'cloister.log'), 'utf8')), {
      time: '2026-01-02T03:04:05.006Z',
      level: 'info',
      message: 'kept',
      n: 1
    });
    await rm(folder, { recursive: true });
  });

  it('says clearly that the folder cannot be used', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cloister-log-'));
    await writeFile(join(folder, 'file'), '');
    assert.throws(() => open({ directory: join(folder, 'file') }), { code: 'CL_CONFIG_INVALID' });
    await rm(folder, { recursive: true });
  });

  it('goes on when nobody reads the stream any more', async () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
    const { log } = open({ stream });
    log.info('one');
    await new Promise((resolve) => setImmediate(resolve));
    log.info('two');
    await log[Symbol.asyncDispose]();
  });
});

describe('redaction', () => {
  const secrets = {
    'a security code': '12345 67890 12345 67890',
    'a security code without blanks': '12345678901234567890',
    'a security code with hyphens': '12345-67890-12345-67890',
    'a security code over lines': '12345 67890\n12345 67890',
    'a nonce': HEX,
    'a nonce in capitals': HEX.toUpperCase(),
    'a ticket': 'A1b2-C3d4_E5f6g7h8i9j0k1l2m3n4o5p6q7r8s9t0u',
    'a private key': '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----',
    'a cut private key': '-----BEGIN EC PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49',
    'an ICE password': 'a=ice-pwd:asd88fgpdd777uzjYhagZg',
    'an ICE password in JSON': '{"ice-pwd": "asd88fgpdd777uzjYhagZg"}',
    'a password in an address': 'turnuser:hunter22222@',
    'a token after its name': 'token=abcdef012345',
    'a PIN after its name': '"pin": "394715"',
    'a PIN’s hash': '$argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHRzYWx0c2FsdA$dGFndGFn',
    'a bearer': 'Authorization: Bearer abcdef012345',
    'a signed message': 'eyJhbGciOiJFUzI1NiJ9.eyJub25jZSI6ICJ4In0.c2lnbmF0dXJl'
  };
  for (const [name, secret] of Object.entries(secrets)) {
    it(`takes out ${name}, wherever it stands`, () => {
      for (const text of name === 'a password in an address'
        ? [`turn://${secret}relay.example`]
        : [secret, `before ${secret} after`, `(${secret})`, `x=${secret};`]) {
        const shown = redactText(text);
        assert.ok(shown.includes('[redacted]'), shown);
        for (const piece of secret
          .split(/[\s.:"-]+/)
          .filter((part) => part.length >= 5 && !/^(?:BEGIN|PRIVATE|ice|token|Authorization|Bearer|-+)$|=.*,/.test(part)))
          assert.ok(!shown.includes(piece), shown);
      }
    });
  }

  it('leaves alone what people need', () => {
    for (const text of [
      '2026-11-21T04:23:05.191Z',
      '019aa0b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b',
      'mqtts://broker.contoso.example:8883',
      '192.0.2.1:51234 → 192.0.2.2:3478',
      'CL_ENVELOPE_CERTIFICATE_EXPIRED',
      'abcdefghijklmnopqrstuvwxyz',
      '12345 67890',
      'cloister/1/accounts/abcdefghijklmnopqrstuvwxyz/inbox/abcdefghijklmnopqrstuvwxyz',
      '/home/room/cloister/data/identity/certificate.pem'
    ]) {
      assert.equal(redactText(text), text);
    }
    assert.deepEqual(redactFields({ code: 'CL_CALL_BUSY', host: 'x', port: 1, keyframes: 3, organisation: 'y' }), {
      code: 'CL_CALL_BUSY',
      host: 'x',
      port: 1,
      keyframes: 3,
      organisation: 'y'
    });
  });

  it('takes out whatever stands under a secret’s name', () => {
    const names = [
      'nonce',
      'remoteNonce',
      'key',
      'keyPem',
      'privateKey',
      'securityCode',
      'security_code',
      'icePwd',
      'password',
      'ticket',
      'sdp',
      'credential',
      'token',
      'Authorization',
      'ufrag',
      'pin'
    ];
    for (const name of names) assert.deepEqual(redactFields({ [name]: 7 }), { [name]: '[redacted]' }, name);
  });

  it('takes secrets out of a document, however deep', () => {
    const document = {
      room: 'Boardroom',
      servers: [{ urls: 'turn:a', credential: 'canary', pin: null }],
      deep: { nonce: [1, 2], text: '12345 67890 12345 67890' },
      n: 1,
      no: undefined
    };
    const shown = {
      room: 'Boardroom',
      servers: [{ urls: 'turn:a', credential: '[redacted]', pin: null }],
      deep: { nonce: '[redacted]', text: '[redacted]' },
      n: 1
    };
    assert.deepEqual(redactDocument(document), shown);
    let nested: unknown = 'canary';
    for (let depth = 0; depth < 100; depth++) nested = { nested };
    assert.ok(!JSON.stringify(redactDocument(nested)).includes('canary'));
    assert.equal(
      redactDocument(() => 'canary'),
      null
    );
  });

  it('takes linear time, and lets no code through whatever is around it', () => {
    const started = performance.now();
    for (const piece of [
      '12345 ',
      '-----BEGIN A KEY-----',
      'eyJ',
      'a'.repeat(63),
      '1234',
      'ice-pwd:',
      'ice-pwd ',
      '-----BEGIN KEYKEY',
      'token',
      'token   ',
      '://a',
      '$argon2id$',
      `${HEX} `
    ])
      redactText(piece.repeat(100_000));
    assert.ok(performance.now() - started < 2000);
    assert.equal(redactText('x'.repeat(5000)), `${'x'.repeat(4096)}…`);
    assert.equal(redactText(`eyJhbGciOiJFUzI1NiJ9.${'b'.repeat(1000)} `.repeat(100)), '[redacted]');
    const group = fc.integer({ min: 0, max: 99_999 }).map((number) => String(number).padStart(5, '0'));
    fc.assert(
      fc.property(fc.array(group, { minLength: 4, maxLength: 4 }), fc.string(), fc.string(), (groups, before, after) => {
        const code = groups.join(' ');
        fc.pre(!/\d$/.test(before) && !/^\d/.test(after));
        assert.ok(!redactText(before + code + after).includes(code));
      })
    );
  });
});
