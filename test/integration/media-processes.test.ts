// Media processes as a flood of calls would have them: started and closed faster than a process can start.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/kernel/clock.ts';
import { CloisterError } from '../../src/kernel/errors.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createMediaProcesses } from '../../src/media/client.ts';
import type { FromProcess } from '../../src/media/ipc.ts';
import type { MediaSettings } from '../../src/media/port.ts';
import { mediaProcessesOf } from '../harness/processes.ts';

const PROCESS = fileURLToPath(new URL('../../src/media/process.ts', import.meta.url));
const settings = (): MediaSettings => ({
  roomName: 'Room',
  camera: 'none',
  microphone: 'none',
  devices: null,
  speaker: 'auto',
  echoCancellation: 'off',
  video: { width: 320, height: 180, fps: 5, maxKbps: 200 },
  screen: 'test',
  screenVideo: { width: 640, height: 360, fps: 10, maxKbps: 500 },
  codecs: ['H264', 'VP8'],
  hardwareEncoders: [],
  iceServers: [],
  fips: false,
  displayHost: '127.0.0.1',
  displayOrigins: []
});
const call = { callId: '0190f3c2-7d4e-7a31-8c55-000000000001', role: 'caller', microphone: false, camera: false, held: false } as const;

describe('media processes', function () {
  this.timeout(30_000);

  it('are never more than a few, however fast calls come and go, and there is one again afterwards', async () => {
    await using processes = createMediaProcesses({ settings, clock: systemClock, log: silentLog });
    const before = (await mediaProcessesOf(process.pid)).length;
    const exits: boolean[] = [];
    const closing = Array.from({ length: 20 }, () => {
      const session = processes.take(call);
      session.on('exit', ({ expected }) => exits.push(expected));
      session.createOffer().catch(() => {});
      return session;
    });
    const most = (await mediaProcessesOf(process.pid)).length - before;
    assert.ok(most >= 1 && most <= 8, `${most} at once`);
    await Promise.all(closing.map((session) => session.close()));
    assert.deepEqual(exits.filter((expected) => !expected).length, 20 - most, 'a call without a process is told so');
    const { sdp } = await processes.take(call).createOffer();
    assert.match(sdp, /^v=0/);
  });

  it('are never more than a few in a flood that lasts, and a spare is there soon after it', async () => {
    await using processes = createMediaProcesses({ settings, clock: systemClock, log: silentLog });
    const alive = async (): Promise<number> => (await mediaProcessesOf(process.pid)).length - before;
    const before = (await mediaProcessesOf(process.pid)).length;
    await processes.start(new AbortController().signal);
    let most = 0;
    // Longer than a spare is waited for; looking at all processes takes time, in which no call comes.
    for (let turn = 1; turn <= 150; turn += 1) {
      for (let count = 0; count < 3; count += 1) void processes.take(call).close();
      await pause(20);
      if (turn % 50 === 0) most = Math.max(most, await alive());
    }
    assert.ok(most <= 8, `${most} at once`);
    await pause(5_000);
    assert.equal(await alive(), 1);
  });

  it('go before others while they have a call, where the system lets them', async () => {
    const niceOf = async (pid: number, thread: number | string): Promise<number> =>
      Number((await readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8')).split(') ')[1]?.split(' ')[16]);
    const allowed = spawnSync(process.execPath, ['-e', 'os.setPriority(os.constants.priority.PRIORITY_ABOVE_NORMAL)'], { stdio: 'ignore' }).status === 0;
    const others = new Set(await mediaProcessesOf(process.pid));
    await using processes = createMediaProcesses({ settings, clock: systemClock, log: silentLog });
    await processes.start(new AbortController().signal);
    const [spare] = (await mediaProcessesOf(process.pid)).filter((pid) => !others.has(pid));
    assert.ok(spare !== undefined);
    const usual = await niceOf(process.pid, process.pid);
    assert.equal(await niceOf(spare, spare), usual, 'a spare does not go before the call of another');
    await processes.take(call).createOffer();
    const threads = await Promise.all((await readdir(`/proc/${spare}/task`)).map((thread) => niceOf(spare, thread).catch(() => null)));
    const wanted = allowed ? constants.priority.PRIORITY_ABOVE_NORMAL : usual;
    assert.deepEqual([...new Set(threads.filter((nice) => nice !== null))], [wanted]);
  });

  it('serve a call that takes a spare which was killed a moment before, and nobody is told of it', async () => {
    const others = new Set(await mediaProcessesOf(process.pid));
    await using processes = createMediaProcesses({ settings, clock: systemClock, log: silentLog });
    await processes.start(new AbortController().signal);
    const [spare] = (await mediaProcessesOf(process.pid)).filter((pid) => !others.has(pid));
    assert.ok(spare !== undefined);
    process.kill(spare, 'SIGKILL');
    const session = processes.take(call);
    let exits = 0;
    session.on('exit', () => {
      exits += 1;
    });
    const { sdp } = await session.createOffer();
    assert.match(sdp, /^v=0/);
    assert.equal(exits, 0);
    // The one that serves the call now is not replaced: its key is gone with it.
    const [serving] = (await mediaProcessesOf(process.pid)).filter((pid) => !others.has(pid) && pid !== spare);
    assert.ok(serving !== undefined);
    process.kill(serving, 'SIGKILL');
    await assert.rejects(session.createOffer(), (error) => error instanceof CloisterError && error.code === 'CL_MEDIA_PROCESS_DIED');
    assert.equal(exits, 1);
  });

  it('end with the agent although a driver does not come back: the key and the camera go with them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cloister-stuck-'));
    const pipe = join(folder, 'camera.mp4');
    // Whoever opens it for reading waits for a writer, in a thread of the process.
    assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
    const child = spawn(process.execPath, ['--no-warnings', PROCESS], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const exited = once(child, 'exit');
    try {
      const answered = Promise.withResolvers<void>();
      child.on('message', (message: FromProcess) => {
        if ('ready' in message) {
          child.send({
            id: 1,
            request: 'begin',
            parameters: [
              { ...settings(), camera: `file:${pipe}` },
              { ...call, camera: true }
            ]
          });
          child.send({ id: 2, request: 'createOffer', parameters: [] });
        } else if ('id' in message && message.id === 2) answered.resolve();
      });
      await answered.promise;
      await pause(500);
      child.disconnect();
      const end = await Promise.race([exited.then(() => 'ended'), pause(5_000, 'still there', { ref: false })]);
      assert.equal(end, 'ended');
    } finally {
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true });
    }
  });

  it('do not take over what would make libraries print what they work with', async () => {
    const names = ['DEBUG', 'NODE_DEBUG', 'NODE_OPTIONS'] as const;
    const before = names.map((name) => process.env[name]);
    const others = new Set(await mediaProcessesOf(process.pid));
    for (const name of names) process.env[name] = name === 'NODE_OPTIONS' ? '--no-warnings' : 'a-name-that-nobody-has';
    try {
      await using processes = createMediaProcesses({ settings, clock: systemClock, log: silentLog });
      await processes.take(call).createOffer();
      const [pid] = (await mediaProcessesOf(process.pid)).filter((each) => !others.has(each));
      const environment = (await readFile(`/proc/${pid}/environ`, 'latin1')).split('\0').map((entry) => entry.split('=')[0]);
      assert.ok(environment.includes('PATH'), 'control: the environment was read');
      for (const name of names) assert.ok(!environment.includes(name), name);
    } finally {
      names.forEach((name, index) => {
        const value = before[index];
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      });
    }
  });
});
