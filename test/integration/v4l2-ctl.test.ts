// The runner with programs of our own in place of v4l2-ctl: one that hangs, one that never ends to speak, one that is not there. With cameras: the lab.
import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createV4l2Ctl } from '../../src/devices/cameras/v4l2-ctl.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { asCloisterError } from '../../src/kernel/errors.ts';
import { createFakeClock } from '../fakes/clock.ts';

describe('v4l2-ctl as a child', function () {
  this.timeout(30_000);
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'v4l2-'));
    await writeFile(join(folder, 'device'), '');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const program = async (script: string): Promise<string> => {
    const path = join(folder, 'program');
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
    return path;
  };
  const device = (): string => join(folder, 'device');
  const failureOf = async (work: Promise<unknown>): Promise<string> => {
    try {
      await work;
    } catch (error) {
      const { code, message } = asCloisterError(error);
      return `${code} ${message.replace(folder, '')}`;
    }
    return 'nothing';
  };
  const isAlive = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  const until = async (isSo: () => Promise<boolean> | boolean): Promise<void> => {
    while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 10));
  };

  it('gives what it prints and its status, in the language of programs', async () => {
    const ctl = createV4l2Ctl({ device: device(), clock: systemClock, program: await program('echo "$LC_ALL $@"; echo bad >&2; exit 3') });
    assert.deepEqual(await ctl(['-C', 'a b;c']), { stdout: `C -d ${device()} -C a b;c\n`, stderr: 'bad\n', status: 3 });
  });

  it('runs one after the other', async () => {
    const log = join(folder, 'log');
    const ctl = createV4l2Ctl({ device: device(), clock: systemClock, program: await program(`echo begin >> ${log}; sleep 0.05; echo end >> ${log}`) });
    await Promise.all([ctl([]), ctl([]), ctl([])]);
    assert.equal(await readFile(log, 'utf8'), 'begin\nend\n'.repeat(3));
  });

  it('asks again after one that said too much and was gone by then', async () => {
    const ended = join(folder, 'ended');
    const script = `if test -e ${ended}; then echo well; exit; fi; touch ${ended}; { sleep 0.3; head -c 600000 /dev/zero; } &`;
    const ctl = createV4l2Ctl({ device: device(), clock: systemClock, program: await program(script) });
    assert.equal(await failureOf(ctl([])), 'CL_DEVICE_OPEN /device: it says more than can be true');
    assert.equal((await ctl([])).stdout, 'well\n');
  });

  it('kills one that hangs, and asks again afterwards', async () => {
    const clock = createFakeClock();
    const hangs = join(folder, 'hangs');
    await writeFile(hangs, '');
    const ctl = createV4l2Ctl({
      device: device(),
      clock,
      program: await program(`if test -e ${hangs}; then echo $$ > ${folder}/pid; exec sleep 600; fi; echo well`)
    });
    const failure = failureOf(ctl([]));
    const pidOf = async (): Promise<number> => Number(await readFile(join(folder, 'pid'), 'utf8').catch(() => ''));
    await until(async () => (await pidOf()) > 0);
    const pid = await pidOf();
    clock.advance(1_999);
    assert.equal(isAlive(pid), true);
    clock.advance(1);
    assert.equal(await failure, 'CL_DEVICE_OPEN /device: its driver does not answer');
    await until(() => !isAlive(pid));
    await rm(hangs);
    await until(async () => (await failureOf(ctl([]))) === 'nothing');
    assert.equal((await ctl([])).stdout, 'well\n');
    assert.equal(clock.pending, 0);
  });

  it('takes so much of one that never ends to speak, and no more', async () => {
    const ctl = createV4l2Ctl({ device: device(), clock: systemClock, program: await program('yes') });
    assert.equal(await failureOf(ctl([])), 'CL_DEVICE_OPEN /device: it says more than can be true');
  });

  it('says what is missing: the program, the device, the permission', async () => {
    assert.equal(
      await failureOf(createV4l2Ctl({ device: device(), clock: systemClock, program: join(folder, 'none') })([])).then((text) => text.slice(0, 15)),
      'CL_TOOL_MISSING'
    );
    const well = await program('true');
    assert.equal(
      await failureOf(createV4l2Ctl({ device: join(folder, 'other'), clock: systemClock, program: well })([])),
      'CL_DEVICE_OPEN /other is not there'
    );
    const refuses = await program('echo "Cannot open device $2, exiting." >&2; exit 1');
    assert.equal(await failureOf(createV4l2Ctl({ device: device(), clock: systemClock, program: refuses })([])), 'CL_DEVICE_OPEN /device cannot be opened');
    await chmod(device(), 0o000);
    // Root may open all that is there.
    const expected = process.getuid?.() === 0 ? 'nothing' : 'CL_DEVICE_PERMISSION /device may not be opened';
    assert.equal(await failureOf(createV4l2Ctl({ device: device(), clock: systemClock, program: await program('true') })([])), expected);
  });
});
