import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, matchesGlob } from 'node:path';
import { type DeviceNode, hidPurpose, judgeNodes, judgeTools, readDeviceNodes, readDeviceTools } from '../../../src/health/device-nodes.ts';

const bytes = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(' ', ''), 'hex');

/** Descriptors of our own, and whether a room wants the node that has one. */
const DESCRIPTORS = {
  headset: { hex: '05 0b 09 05 a1 01 15 00 25 01 09 20 75 01 95 01 81 02 c0', purpose: 'telephony' },
  'long usage page': { hex: '06 0b 00 09 05 a1 01 15 00 25 01 09 20 75 01 95 01 81 02 c0', purpose: 'telephony' },
  'keys, then telephony': {
    hex: '05 0c 09 01 a1 01 15 00 25 01 09 e9 75 01 95 01 81 02 c0 05 0b 09 05 a1 01 09 2f 75 01 95 01 81 06 c0',
    purpose: 'telephony'
  },
  'presence sensor': { hex: '05 20 09 01 a1 01 09 11 a1 00 15 00 25 01 75 08 95 01 81 02 c0 c0', purpose: 'presence' },
  'motion sensor': { hex: '05 20 09 01 a1 01 09 31 a1 00 15 00 25 01 75 08 95 01 81 02 c0 c0', purpose: null },
  keyboard: { hex: '05 01 09 06 a1 01 05 07 19 e0 29 e7 15 00 25 01 75 01 95 08 81 02 c0', purpose: null },
  mouse: { hex: '05 01 09 02 a1 01 05 09 19 01 29 03 15 00 25 01 75 01 95 03 81 02 c0', purpose: null },
  'keyboard with a hook key': {
    hex: '05 01 09 06 a1 01 05 07 19 e0 29 e7 15 00 25 01 75 01 95 08 81 02 c0 05 0b 09 05 a1 01 09 20 75 01 95 01 81 02 c0',
    purpose: null
  },
  nothing: { hex: '', purpose: null }
} as const;

describe('device nodes', () => {
  let root: string;
  const put = async (path: string, content: string | Uint8Array): Promise<string> => {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    return file;
  };
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'cloister-nodes-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  it('knows what a HID device is for by its descriptor', () => {
    for (const [name, { hex, purpose }] of Object.entries(DESCRIPTORS)) assert.equal(hidPurpose(bytes(hex)), purpose, name);
  });

  it('speaks of the same HID devices as the udev rule', async () => {
    const rules = await readFile('config/udev/70-cloister.rules', 'utf8');
    const patternsOf = (line: RegExp): string[] => {
      const found = line.exec(rules)?.[1];
      assert.ok(found !== undefined, `the rule has a line ${line}`);
      return found.split('|');
    };
    const left = patternsOf(/^RESULT=="([^"]+)", GOTO="cloister_end"$/m);
    const opened = patternsOf(/^SUBSYSTEM=="hidraw", RESULT=="([^"]+)", GROUP="audio", MODE="0660"$/m);
    const inhibited = patternsOf(/^SUBSYSTEM=="input", RESULT=="([^"]+)", ATTR\{inhibited\}="1"$/m);
    for (const [name, { hex, purpose }] of Object.entries(DESCRIPTORS)) {
      const matches = (patterns: string[]): boolean => patterns.some((pattern) => matchesGlob(` ${hex} `, pattern));
      assert.equal(!matches(left) && matches(opened), purpose !== null, `${name}: opened`);
      assert.equal(!matches(left) && matches(inhibited), purpose === 'telephony', `${name}: kept from the kernel`);
    }
    assert.doesNotMatch(rules, /MODE="0666"/);
  });

  it('finds the nodes a room wants, with who may open them, in the order of their numbers', async () => {
    await put('etc/group', 'root:x:0:\naudio:x:29:room\n');
    await put('etc/passwd', 'root:x:0:0::/root:/bin/sh\n');
    for (const number of [10, 9]) {
      await put(`sys/class/video4linux/video${number}/name`, `Camera ${number}\n`);
      await chmod(await put(`dev/video${number}`, ''), 0o600);
    }
    await put('dev/snd/pcmC1D0c', '');
    await put('dev/snd/controlC1', '');
    await put('proc/asound/card1/id', 'Speak\n');
    for (const [index, kind] of (['headset', 'keyboard'] as const).entries()) {
      await put(`sys/class/hidraw/hidraw${index}/device/report_descriptor`, bytes(DESCRIPTORS[kind].hex));
      await put(`sys/class/hidraw/hidraw${index}/device/uevent`, `DRIVER=hid-generic\nHID_NAME=${kind}${'x'.repeat(1000)}\nHID_PHYS=\n`);
      await put(`dev/hidraw${index}`, '');
    }
    await put('sys/class/hidraw/hidraw7/device/uevent', 'HID_NAME=gone again\n');
    const nodes = await readDeviceNodes({ root });
    assert.deepEqual(
      nodes.map(({ path, kind, name, opens }) => [path, kind, name.slice(0, 10), opens]),
      [
        ['/dev/video9', 'camera', 'Camera 9', true],
        ['/dev/video10', 'camera', 'Camera 10', true],
        ['/dev/snd/pcmC1D0c', 'sound', 'Speak', true],
        ['/dev/hidraw0', 'hid', 'headsetxxx', true]
      ]
    );
    assert.ok(nodes.every(({ name }) => name.length <= 64));
    assert.equal(nodes[0]?.mode, 0o600);
    assert.deepEqual(await readDeviceNodes({ root: join(root, 'not there') }), []);
  });

  it('says why a node is closed, and what opens it', () => {
    const node = (change: Partial<DeviceNode>): DeviceNode => ({
      path: '/dev/video0',
      kind: 'camera',
      name: 'Cam',
      owner: 'root',
      group: 'video',
      mode: 0o660,
      opens: false,
      ...change
    });
    const speakerphone = node({ path: '/dev/hidraw0', kind: 'hid', name: 'Phone', group: 'root', mode: 0o600 });
    assert.equal(judgeNodes([], 'room').result, 'ok');
    assert.equal(judgeNodes([node({ opens: true }), { ...speakerphone, opens: true }], 'room').result, 'ok');
    assert.deepEqual(judgeNodes([node({}), node({ path: '/dev/video1', opens: true })], 'room'), {
      result: 'warn',
      text: 'room may not open 1 of 2: /dev/video0 (Cam) is root:video 0660, and room is not in video.',
      advice: 'Run usermod -aG video room as root and log in again, or restart the service.'
    });
    assert.deepEqual(judgeNodes([speakerphone], 'room'), {
      result: 'warn',
      text: 'room may not open 1 of 1: /dev/hidraw0 (Phone) is root:root 0600.',
      advice: 'Run cloister doctor --install-udev-rule as root, which gives speakerphones to the group audio.'
    });
    const both = judgeNodes([node({}), node({ kind: 'sound', group: 'audio' }), speakerphone], 'room').advice ?? '';
    assert.match(both, /usermod -aG audio,video room .*--install-udev-rule/);
    assert.match(judgeNodes([{ ...speakerphone, group: 'audio', mode: 0o660 }], 'room').advice ?? '', /^Run usermod -aG audio room as root/);
    assert.match(judgeNodes([node({ mode: 0o600 })], 'room').advice ?? '', /udev rule gives these nodes to a group/);
  });

  it('says which packages are missing', async () => {
    assert.deepEqual(await readDeviceTools({ root }, '/usr/bin:/bin'), { v4l2Ctl: false, alsaConfiguration: false });
    assert.deepEqual(judgeTools({ v4l2Ctl: false, alsaConfiguration: false }).advice, 'Run apt-get install v4l-utils libasound2-data as root.');
    await chmod(await put('bin/v4l2-ctl', ''), 0o755);
    await put('usr/share/alsa/alsa.conf', '');
    assert.deepEqual(await readDeviceTools({ root }, '/usr/bin:/bin'), { v4l2Ctl: true, alsaConfiguration: true });
    assert.equal(judgeTools({ v4l2Ctl: true, alsaConfiguration: true }).result, 'ok');
  });
});
