import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changeRule, RULE_PATH, type RuleOptions } from '../../../src/health/udev-rule.ts';

const RULE = '# Cloister udev rule: of this version\n';
const HEADSET = Buffer.from('050b0905a1010920750195018102c0', 'hex');

describe('the udev rule', () => {
  let root: string;
  let path: string;
  let ran: string[];
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'cloister-udev-'));
    path = join(root, RULE_PATH);
    ran = [];
    await mkdir(join(root, 'etc/udev/rules.d'), { recursive: true });
  });
  afterEach(() => rm(root, { recursive: true }));

  const change = (options: Partial<RuleOptions> = {}) =>
    changeRule({
      root,
      wish: 'install',
      rule: RULE,
      dryRun: false,
      privileged: true,
      command: 'sudo cloister doctor',
      run: async (program, args) => void ran.push([program, ...args].join(' ')),
      ...options
    });
  const files = () => readdir(join(root, 'etc/udev/rules.d'));

  it('is written once, and udev told', async () => {
    assert.deepEqual(await change(), { result: 'done', lines: [`Done: Write ${RULE_PATH}.`, 'No device that it is about is plugged in.'] });
    assert.equal(await readFile(path, 'utf8'), RULE);
    assert.deepEqual(ran, ['udevadm control --reload', 'udevadm trigger --action=change --subsystem-match=hidraw --subsystem-match=input --settle']);
    assert.equal((await change()).result, 'unchanged');
    assert.equal(ran.length, 2);
  });

  it('a dry run and a user who is not root change nothing', async () => {
    const dry = await change({ dryRun: true, privileged: false });
    assert.equal(dry.result, 'unchanged');
    assert.match(dry.lines.join('\n'), /would be done:\nWrite .*\nRun udevadm control --reload\.\nRun udevadm trigger/);
    const { result, lines } = await change({ privileged: false });
    assert.deepEqual([result, lines.at(-1)], ['refused', '  sudo cloister doctor']);
    assert.deepEqual([await files(), ran], [[], []]);
  });

  it('of another version is kept beside the new one', async () => {
    await writeFile(path, '# Cloister udev rule: older\n');
    assert.equal((await change()).result, 'done');
    assert.equal(await readFile(path, 'utf8'), RULE);
    assert.equal(await readFile(`${path}.old`, 'utf8'), '# Cloister udev rule: older\n');
  });

  it('never touches a file or link that is not ours', async () => {
    await writeFile(path, '# somebody’s\n');
    for (const wish of ['install', 'remove'] as const) {
      for (const dryRun of [false, true]) assert.equal((await change({ wish, dryRun })).result, 'refused');
    }
    assert.equal(await readFile(path, 'utf8'), '# somebody’s\n');
    await rm(path);
    await writeFile(join(root, 'target'), RULE);
    await symlink(join(root, 'target'), path);
    for (const wish of ['install', 'remove'] as const) assert.equal((await change({ wish, rule: `${RULE}#\n` })).result, 'refused');
    assert.equal(await readFile(join(root, 'target'), 'utf8'), RULE);
    assert.deepEqual(ran, []);
  });

  it('says what changed, and gives the kernel its inputs back when it goes', async () => {
    await mkdir(join(root, 'sys/class/input/input3/device'), { recursive: true });
    await writeFile(join(root, 'sys/class/input/input3/device/report_descriptor'), HEADSET);
    const inhibited = join(root, 'sys/class/input/input3/inhibited');
    await writeFile(inhibited, '0\n');
    const udev: RuleOptions['run'] = async (_program, args) => {
      if (args[0] === 'trigger') await writeFile(inhibited, '1\n');
    };
    assert.deepEqual((await change({ run: udev })).lines.slice(1), ['input3: kept from the kernel, was used by the kernel.']);
    const removed = await change({ wish: 'remove' });
    assert.deepEqual(removed.lines, [`Done: Delete ${RULE_PATH}.`, 'input3: used by the kernel, was kept from the kernel.']);
    assert.deepEqual(ran.at(-1), 'udevadm trigger --action=add --subsystem-match=hidraw --settle');
    assert.deepEqual(await files(), []);
    assert.equal((await change({ wish: 'remove' })).result, 'unchanged');
  });

  it('closes the nodes that it opened when it goes, and no other', async () => {
    const { uid, gid } = await stat(root);
    await writeFile(join(root, 'etc/group'), `audio:x:${gid}:\n`);
    await writeFile(join(root, 'etc/passwd'), `somebody:x:${uid}:${gid}::/:/bin/sh\n`);
    await mkdir(join(root, 'dev'));
    for (const [name, mode] of [
      ['hidraw0', 0o660],
      ['hidraw1', 0o666],
      ['null', 0o660]
    ] as const) {
      await writeFile(join(root, 'dev', name), '');
      await chmod(join(root, 'dev', name), mode);
    }
    assert.equal((await change()).result, 'done');
    assert.equal((await change({ wish: 'remove' })).result, 'done');
    const modes = await Promise.all(['hidraw0', 'hidraw1', 'null'].map(async (name) => (await stat(join(root, 'dev', name))).mode & 0o777));
    assert.deepEqual(modes, [0o600, 0o666, 0o660]);
  });

  it('tells where it cannot be written, and where udev does not take it', async () => {
    const unheard = await change({
      run: async () => {
        throw new Error('spawn udevadm ENOENT');
      }
    });
    assert.deepEqual([unheard.result, /ENOENT.*after a restart/.test(unheard.lines.join())], ['failed', true]);
    await rm(join(root, 'etc'), { recursive: true });
    assert.deepEqual([(await change()).result, ran], ['failed', []]);
  });
});
