// The PIN's tries as somebody would attack them: in parallel, over restarts, with the clock set back, with the disk full, with the file damaged.
import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AdminFile, createAdminFile } from '../../../src/admin/admin-file.ts';
import { hashPin, verifyPin } from '../../../src/admin/pin-hash.ts';
import { createRoomAdmin, type RoomAdministrator } from '../../../src/admin/room-admin.ts';
import { writeFileAtomically } from '../../../src/config/atomic-file.ts';
import type { ErrorCode } from '../../../src/kernel/error-codes.ts';
import { asCloisterError } from '../../../src/kernel/errors.ts';
import { type Log, silentLog } from '../../../src/kernel/log.ts';
import { createFakeClock, type FakeClock } from '../../fakes/clock.ts';

const PIN = '394715';
const OTHER = '802746';
const CHEAP = { memoryKib: 64, passes: 1 };

describe('the room’s administrator', () => {
  let folder: string;
  let path: string;
  let clock: FakeClock;
  let compared: number;
  let logged: string;
  let open: RoomAdministrator[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-admin-'));
    path = join(folder, 'data', 'admin.json');
    clock = createFakeClock();
    compared = 0;
    logged = '';
    open = [];
  });
  afterEach(async () => {
    for (const admin of open) await admin[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const fileOf = (): AdminFile => createAdminFile({ path, writeFile: writeFileAtomically });

  async function start(
    overrides: { file?: AdminFile; verifyPin?: typeof verifyPin; writeToken?: (token: string) => Promise<void> } = {}
  ): Promise<RoomAdministrator> {
    const note =
      (level: string) =>
      (message: string, fields: object = {}): void => {
        logged += `${level} ${message} ${JSON.stringify(fields)}\n`;
      };
    const log: Log = { ...silentLog, debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error'), child: () => log };
    const admin = createRoomAdmin({
      file: overrides.file ?? fileOf(),
      hash: {
        hashPin: (pin) => hashPin(pin, CHEAP),
        verifyPin: (pin, kept) => {
          compared += 1;
          return (overrides.verifyPin ?? verifyPin)(pin, kept);
        }
      },
      writeToken: overrides.writeToken ?? ((token) => writeFile(join(folder, 'admin-token'), token)),
      clock,
      log
    });
    open.push(admin);
    await admin.start(new AbortController().signal);
    return admin;
  }

  const codeOf = (work: Promise<unknown>): Promise<ErrorCode | 'done'> =>
    work.then(
      () => 'done' as const,
      (error: unknown) => asCloisterError(error).code
    );
  const tryWrong = async (admin: RoomAdministrator, times: number): Promise<readonly string[]> => {
    const codes: string[] = [];
    for (let done = 0; done < times; done++) codes.push(await codeOf(admin.signIn(OTHER)));
    return codes;
  };

  it('has no PIN at first: nobody can sign in, and the first one sets it', async () => {
    const admin = await start();
    assert.deepEqual(admin.view(), { pinSet: false, lockedUntil: null });
    assert.equal(await codeOf(admin.signIn(PIN)), 'CL_PIN_NOT_SET');
    assert.equal(await codeOf(admin.setPin('123456', null)), 'CL_PIN_WEAK');
    assert.deepEqual(admin.view(), { pinSet: false, lockedUntil: null });
    await admin.setPin(PIN, null);
    assert.deepEqual(admin.view(), { pinSet: true, lockedUntil: null });
    const { token } = await admin.signIn(PIN);
    assert.equal(admin.holds(token), true);
    admin.signOut(token);
    assert.equal(admin.holds(token), false);
  });

  it('keeps the PIN as a hash, for the owner of the file alone, and says it nowhere', async () => {
    const admin = await start();
    await admin.setPin(PIN, null);
    await tryWrong(admin, 1);
    const text = await readFile(path, 'utf8');
    assert.match(text, /\$argon2id\$v=19\$/);
    for (const place of [text, logged]) assert.ok(!place.includes(PIN) && !place.includes(OTHER));
    assert.ok(!/argon2/.test(logged));
    if (process.platform !== 'win32') assert.equal((await stat(path)).mode & 0o777, 0o600);
  });

  it('is known again after a restart, and its sessions are not', async () => {
    const first = await start();
    await first.setPin(PIN, null);
    const { token } = await first.signIn(PIN);
    await first[Symbol.asyncDispose]();
    assert.equal(first.holds(token), false);
    const second = await start();
    assert.equal(second.holds(token), false);
    assert.equal(await codeOf(second.signIn(OTHER)), 'CL_PIN_WRONG');
    assert.equal(await codeOf(second.signIn(PIN)), 'done');
  });

  it('changes the PIN only for who says the present one, and ends all sessions with it', async () => {
    const admin = await start();
    await admin.setPin(PIN, null);
    const { token } = await admin.signIn(PIN);
    assert.equal(await codeOf(admin.setPin(OTHER, null)), 'CL_PIN_REQUIRED');
    assert.equal(await codeOf(admin.setPin(OTHER, '111111')), 'CL_PIN_WRONG');
    assert.equal(admin.holds(token), true);
    assert.equal(await codeOf(admin.setPin(OTHER, PIN)), 'done');
    assert.equal(admin.holds(token), false);
    assert.equal(await codeOf(admin.signIn(PIN)), 'CL_PIN_WRONG');
    assert.equal(await codeOf(admin.signIn(OTHER)), 'done');
  });

  it('takes one of two who set the first PIN at the same time', async () => {
    const admin = await start();
    assert.deepEqual(await Promise.all([codeOf(admin.setPin(PIN, null)), codeOf(admin.setPin(OTHER, null))]), ['done', 'CL_PIN_REQUIRED']);
    assert.equal(await codeOf(admin.signIn(PIN)), 'done');
  });

  it('locks after five wrong ones, for longer each time, and refuses the right one meanwhile without comparing it', async () => {
    const admin = await start();
    await admin.setPin(PIN, null);
    assert.deepEqual(await tryWrong(admin, 6), [...Array<string>(5).fill('CL_PIN_WRONG'), 'CL_PIN_LOCKED']);
    assert.equal(compared, 5);
    assert.equal(admin.view().lockedUntil, new Date(clock.now() + 30_000).toISOString());
    await clock.advanceAsync(29_999);
    assert.equal(await codeOf(admin.signIn(PIN)), 'CL_PIN_LOCKED');
    assert.equal(compared, 5);
    await clock.advanceAsync(1);
    assert.equal(admin.view().lockedUntil, null);
    assert.equal(await codeOf(admin.signIn(OTHER)), 'CL_PIN_WRONG');
    assert.equal(admin.view().lockedUntil, new Date(clock.now() + 60_000).toISOString());
    await clock.advanceAsync(60_000);
    assert.equal(await codeOf(admin.signIn(PIN)), 'done');
    // The right one begins the count anew.
    assert.deepEqual(await tryWrong(admin, 4), Array<string>(4).fill('CL_PIN_WRONG'));
    assert.equal(admin.view().lockedUntil, null);
  });

  it('counts apart what comes over the network, so that nobody out there locks the room', async () => {
    const admin = await start();
    await admin.setPin(PIN, null);
    for (let times = 0; times < 5; times++) assert.equal(await codeOf(admin.signIn(OTHER, 'network')), 'CL_PIN_WRONG');
    assert.equal(await codeOf(admin.signIn(PIN, 'network')), 'CL_PIN_LOCKED');
    assert.equal(await codeOf(admin.setPin(OTHER, PIN, 'network')), 'CL_PIN_LOCKED');
    assert.equal(admin.view().lockedUntil, null);
    assert.equal(await codeOf(admin.signIn(PIN)), 'done');
    // Who signs in here does not open the network's lock, and a restart does not either.
    assert.equal(await codeOf(admin.signIn(PIN, 'network')), 'CL_PIN_LOCKED');
    await admin[Symbol.asyncDispose]();
    const second = await start();
    assert.equal(await codeOf(second.signIn(PIN, 'network')), 'CL_PIN_LOCKED');
    await clock.advanceAsync(30_000);
    assert.equal(await codeOf(second.signIn(PIN, 'network')), 'done');
  });

  it('counts a change of the PIN as a try', async () => {
    const admin = await start();
    await admin.setPin(PIN, null);
    for (let times = 0; times < 5; times++) assert.equal(await codeOf(admin.setPin(OTHER, '111111')), 'CL_PIN_WRONG');
    assert.equal(await codeOf(admin.setPin(OTHER, PIN)), 'CL_PIN_LOCKED');
    assert.equal(await codeOf(admin.signIn(PIN)), 'CL_PIN_LOCKED');
  });

  it('compares five of a hundred that come at once', async () => {
    const admin = await start();
    await admin.setPin(PIN, null);
    const codes = await Promise.all(Array.from({ length: 100 }, () => codeOf(admin.signIn(OTHER))));
    assert.equal(compared, 5);
    assert.equal(codes.filter((code) => code === 'CL_PIN_WRONG').length, 5);
    assert.equal(codes.filter((code) => code === 'CL_PIN_LOCKED').length, 95);
  });

  it('goes on waiting where it was after a restart, also with the clock set forward', async () => {
    const first = await start();
    await first.setPin(PIN, null);
    await tryWrong(first, 5);
    await clock.advanceAsync(10_000);
    while (JSON.parse(await readFile(path, 'utf8')).tries.here.waitMs !== 20_000) await new Promise((resolve) => setImmediate(resolve));
    await clock.advanceAsync(2_000);
    await first[Symbol.asyncDispose]();
    clock.jump(10 * 3_600_000);
    const second = await start();
    assert.equal(second.view().lockedUntil, new Date(clock.now() + 18_000).toISOString());
    clock.jump(-20 * 3_600_000);
    await clock.advanceAsync(17_999);
    assert.equal(await codeOf(second.signIn(PIN)), 'CL_PIN_LOCKED');
    await clock.advanceAsync(1);
    assert.equal(await codeOf(second.signIn(PIN)), 'done');
    await second[Symbol.asyncDispose]();
    assert.equal((await start()).view().lockedUntil, null);
  });

  it('is locked, and counts on, after a power cut in the middle of a try', async () => {
    const first = await start({ verifyPin: () => new Promise(() => {}) });
    await first.setPin(PIN, null);
    open = [];
    for (let times = 0; times < 5; times++) {
      const cut = await start({ verifyPin: () => new Promise(() => {}) });
      open = [];
      cut.signIn(OTHER).catch(() => {});
      const counted = async (): Promise<number> => JSON.parse(await readFile(path, 'utf8')).tries.here.wrong;
      while ((await counted()) !== times + 1) await new Promise((resolve) => setImmediate(resolve));
    }
    const after = await start();
    assert.equal(await codeOf(after.signIn(PIN)), 'CL_PIN_LOCKED');
    assert.equal(after.view().lockedUntil, new Date(clock.now() + 30_000).toISOString());
  });

  it('keeps what is left of a wait every ten seconds, for a restart by pulling the plug', async () => {
    const first = await start();
    await first.setPin(PIN, null);
    await tryWrong(first, 5);
    await clock.advanceAsync(20_000);
    const kept = async (): Promise<number> => JSON.parse(await readFile(path, 'utf8')).tries.here.waitMs;
    while ((await kept()) !== 10_000) await new Promise((resolve) => setImmediate(resolve));
  });

  for (const [what, content] of [
    ['empty', ''],
    ['not JSON', '{"version": 1,'],
    ['of another form', '{"version": 1}'],
    ['without its hash', '{"version":1,"pin":"","tries":{"here":{"wrong":0,"waitMs":0},"network":{"wrong":0,"waitMs":0}}}'],
    ['of a later version', '{"version":2,"pin":"x","tries":{"here":{"wrong":0,"waitMs":0},"network":{"wrong":0,"waitMs":0}}}'],
    ['very long', ' '.repeat(5000)]
  ] as const)
    it(`stays locked where its file is ${what}`, async () => {
      const first = await start();
      await first.setPin(PIN, null);
      await first[Symbol.asyncDispose]();
      await writeFile(path, content);
      const admin = await start();
      assert.deepEqual(admin.view(), { pinSet: true, lockedUntil: null });
      assert.equal(await codeOf(admin.signIn(PIN)), 'CL_PIN_UNREADABLE');
      assert.equal(await codeOf(admin.setPin(OTHER, null)), 'CL_PIN_UNREADABLE');
      assert.equal(await codeOf(admin.setPin(OTHER, PIN)), 'CL_PIN_UNREADABLE');
      assert.equal(admin.problem()?.code, 'CL_PIN_UNREADABLE');
      assert.match(logged, /error .*cloister pin reset/);
      assert.equal(await readFile(path, 'utf8'), content);
    });

  it('stays locked where its file cannot be read', async () => {
    if (process.getuid?.() === 0 || process.platform === 'win32') {
      // Root reads everything: a folder in the file's place cannot be read by anybody.
      await rm(path, { recursive: true, force: true });
      await mkdir(path, { recursive: true });
    } else {
      const first = await start();
      await first.setPin(PIN, null);
      await chmod(path, 0);
    }
    const admin = await start();
    assert.deepEqual([admin.view().pinSet, admin.problem()?.code], [true, 'CL_PIN_UNREADABLE']);
    assert.equal(await codeOf(admin.setPin(OTHER, null)), 'CL_PIN_UNREADABLE');
  });

  it('ends the sessions, and says so, where the file is damaged or taken away while the room runs', async () => {
    const admin = await start();
    await admin.setPin(PIN, null);
    let changes = 0;
    admin.on('changed', () => {
      changes += 1;
    });
    const { token } = await admin.signIn(PIN);
    await writeFile(path, 'x');
    changes = 0;
    await clock.advanceAsync(10_000);
    while (admin.problem() === null) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(admin.holds(token), false);
    assert.ok(changes > 0);
    await rm(path);
    assert.equal(await codeOf(admin.signIn(PIN)), 'CL_PIN_NOT_SET');
    assert.deepEqual([admin.view().pinSet, admin.problem()], [false, null]);
    assert.equal(await codeOf(admin.setPin(OTHER, null)), 'done');
  });

  it('stays without the PIN that was taken away, whatever it has to keep of the lock', async () => {
    const admin = await start();
    await admin.setPin(PIN, null);
    await tryWrong(admin, 5);
    // A look at the file and a note of what is left of the wait fall due at the same times; who resets the PIN is there in between.
    await clock.advanceAsync(10_000);
    await rm(path);
    await clock.advanceAsync(10_000);
    while (admin.pinSet()) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(admin.view(), { pinSet: false, lockedUntil: null });
    await assert.rejects(stat(path), { code: 'ENOENT' });
    await admin.setPin(PIN, null);
    await tryWrong(admin, 5);
    await rm(path);
    await admin[Symbol.asyncDispose]();
    await assert.rejects(stat(path), { code: 'ENOENT' });
  });

  it('stays without the PIN that was taken away while it was compared', async () => {
    const admin = await start({
      verifyPin: async (pin, kept) => {
        await rm(path);
        return verifyPin(pin, kept);
      }
    });
    await admin.setPin(PIN, null);
    assert.equal(await codeOf(admin.signIn(PIN)), 'CL_PIN_NOT_SET');
    assert.equal(admin.pinSet(), false);
    await assert.rejects(stat(path), { code: 'ENOENT' });
  });

  it('lets nobody in by a PIN that was replaced while it was compared', async () => {
    const other = { version: 1, pin: await hashPin(OTHER, CHEAP), tries: { here: { wrong: 0, waitMs: 0 }, network: { wrong: 0, waitMs: 0 } } };
    const admin = await start({
      verifyPin: async (pin, kept) => {
        const right = await verifyPin(pin, kept);
        await writeFile(path, JSON.stringify(other));
        return right;
      }
    });
    await admin.setPin(PIN, null);
    assert.equal(await codeOf(admin.signIn(PIN)), 'CL_PIN_WRONG');
    assert.equal(JSON.parse(await readFile(path, 'utf8')).pin, other.pin);
  });

  it('takes no first PIN from elsewhere, also before anybody has noticed that the one before is gone', async () => {
    const admin = await start();
    assert.equal(await codeOf(admin.setPin(PIN, null, 'network')), 'CL_PIN_NOT_SET');
    await admin.setPin(PIN, null);
    await rm(path);
    assert.equal(admin.pinSet(), true);
    assert.equal(await codeOf(admin.setPin(OTHER, null, 'network')), 'CL_PIN_NOT_SET');
    await assert.rejects(stat(path), { code: 'ENOENT' });
    assert.equal(await codeOf(admin.setPin(OTHER, null)), 'done');
  });

  it('lets the people in the room try while others try without end over the network', async () => {
    let go = (): void => {};
    const held = new Promise<void>((resolve) => {
      go = resolve;
    });
    const admin = await start({
      verifyPin: async (pin, kept) => {
        await held;
        return verifyPin(pin, kept);
      }
    });
    await admin.setPin(PIN, null);
    const outside = Array.from({ length: 20 }, () => codeOf(admin.signIn(OTHER, 'network')));
    const inside = codeOf(admin.signIn(PIN));
    go();
    assert.equal(await inside, 'done');
    const codes = await Promise.all(outside);
    assert.deepEqual([codes.filter((code) => code === 'CL_PIN_WRONG').length, codes.filter((code) => code === 'CL_PIN_LOCKED').length], [5, 15]);
  });

  it('lets nobody in where the disk takes nothing more', async () => {
    const first = await start();
    await first.setPin(PIN, null);
    await first[Symbol.asyncDispose]();
    const full = { ...fileOf(), write: () => Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })) };
    const admin = await start({ file: full });
    assert.equal(await codeOf(admin.signIn(PIN)), 'CL_PIN_UNREADABLE');
    assert.equal(await codeOf(admin.setPin(OTHER, PIN)), 'CL_PIN_UNREADABLE');
    assert.equal(compared, 0);
  });

  it('starts where the token of programs cannot be written, and asks for the PIN all the same', async () => {
    const first = await start();
    await first.setPin(PIN, null);
    const before = await readFile(join(folder, 'admin-token'), 'utf8');
    await first[Symbol.asyncDispose]();
    const admin = await start({ writeToken: () => Promise.reject(new Error('ENOSPC')) });
    assert.match(logged, /error the token of this machine’s programs cannot be written/);
    assert.equal(admin.holds(before), false);
    assert.equal(await codeOf(admin.signIn(OTHER)), 'CL_PIN_WRONG');
    assert.equal(await codeOf(admin.signIn(PIN)), 'done');
  });

  it('gives programs of this machine a token, another one at each start', async () => {
    const first = await start();
    const token = await readFile(join(folder, 'admin-token'), 'utf8');
    assert.match(token, /^[\w-]{43}$/);
    assert.equal(first.holds(token), true);
    assert.equal(first.endsAt(token), null);
    await first[Symbol.asyncDispose]();
    const second = await start();
    assert.equal(second.holds(token), false);
    assert.equal(second.holds(await readFile(join(folder, 'admin-token'), 'utf8')), true);
    assert.ok(!logged.includes(token));
  });

  it('tells of a session’s end without keeping it', async () => {
    const admin = await start();
    await admin.setPin(PIN, null);
    const { token } = await admin.signIn(PIN);
    await clock.advanceAsync(60_000);
    assert.equal(admin.endsAt(token), new Date(clock.now() + 240_000).toISOString());
    await clock.advanceAsync(240_000);
    assert.deepEqual([admin.endsAt(token), admin.holds(token)], [null, false]);
  });
});
