import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureSystemPackages, type Machine } from '../../system-packages.ts';

/** A machine with a folder of programs; apt-get puts in what `repository` has. */
function fakeMachine(
  folder: string,
  installed: readonly string[],
  options: { root?: boolean; sudoWorks?: boolean; repository?: readonly string[]; captures?: boolean }
) {
  const bin = join(folder, `bin${Math.random()}`);
  const put = (name: string): void => writeFileSync(join(bin, name), '', { mode: 0o755 });
  const commands: string[] = [];
  const machine: Machine = {
    path: ['/nonexistent', bin],
    isRoot: options.root ?? false,
    run(command, args) {
      const line = [command, ...args].join(' ').replaceAll(`${bin}/`, '');
      commands.push(line);
      if (line === 'sudo -n true') return options.sudoWorks ?? false;
      if (line.startsWith('tshark')) return options.captures ?? true;
      if (line.includes('apt-get install')) for (const name of options.repository ?? []) put(name);
      return true;
    }
  };
  mkdirSync(bin);
  for (const name of installed) put(name);
  return { machine, commands };
}

describe('runner: system packages', () => {
  const all = ['chromium', 'mosquitto', 'tshark', 'strace', 'ip', 'openssl', 'turnserver', 'Xvfb', 'xwininfo'];
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cloister-packages-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('asks for nothing where all is there, but tries a capture', () => {
    const { machine, commands } = fakeMachine(folder, all, {});
    assert.equal(ensureSystemPackages(['unit', 'integration', 'browser'], machine), null);
    assert.deepEqual(commands, ['tshark -q -i lo -a duration:1 -w /dev/null']);
  });

  it('needs nothing for the unit suite', () => {
    const { machine, commands } = fakeMachine(folder, [], { root: true });
    assert.equal(ensureSystemPackages(['unit'], machine), null);
    assert.deepEqual(commands, []);
  });

  it('installs what is missing as root', () => {
    const { machine, commands } = fakeMachine(folder, ['apt-get', 'tshark', 'strace', 'ip', 'openssl', 'turnserver', 'Xvfb', 'xwininfo'], {
      root: true,
      repository: ['chromium', 'mosquitto']
    });
    assert.equal(ensureSystemPackages(['integration'], machine), null);
    assert.deepEqual(commands.slice(0, 2), [
      'apt-get update',
      'apt-get install -y --no-install-recommends chromium fonts-liberation fonts-ipafont-gothic mosquitto'
    ]);
  });

  it('installs through sudo where that asks for no password', () => {
    const { machine, commands } = fakeMachine(folder, ['apt-get', 'sudo'], { sudoWorks: true, repository: ['chromium'] });
    assert.equal(ensureSystemPackages(['browser'], machine), null);
    assert.deepEqual(commands, [
      'sudo -n true',
      'sudo -n --preserve-env=DEBIAN_FRONTEND apt-get update',
      'sudo -n --preserve-env=DEBIAN_FRONTEND apt-get install -y --no-install-recommends chromium fonts-liberation fonts-ipafont-gothic'
    ]);
  });

  it('says in one line what to install where it may not', () => {
    for (const installed of [['apt-get', 'sudo'], ['apt-get'], ['sudo'], []]) {
      const { machine } = fakeMachine(folder, installed, {});
      const line = ensureSystemPackages(['browser'], machine);
      assert.equal(
        line,
        'missing: chromium. Install and start again: apt-get install -y --no-install-recommends chromium fonts-liberation fonts-ipafont-gothic'
      );
    }
  });

  it('needs for the lab what boots a guest and what the guest uses', () => {
    const { machine } = fakeMachine(folder, ['apt-get'], {});
    assert.equal(
      ensureSystemPackages(['lab'], machine)?.split('install -y --no-install-recommends ')[1],
      'qemu-system-x86 busybox-static xz-utils kmod udev v4l-utils alsa-utils'
    );
  });

  it('fails when the installation did not bring the program', () => {
    const { machine } = fakeMachine(folder, ['apt-get'], { root: true });
    assert.match(ensureSystemPackages(['browser'], machine) ?? '', /^could not be installed: chromium\./);
  });

  it('fails when tshark may not capture', () => {
    const { machine } = fakeMachine(folder, all, { captures: false });
    assert.match(ensureSystemPackages(['integration'], machine) ?? '', /^tshark cannot capture .*usermod/);
    assert.equal(ensureSystemPackages(['browser'], machine), null);
  });
});
