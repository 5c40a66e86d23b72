// The commands against a real server: what they do to the room, what they print, how they exit.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runAnswerCommand } from '../../agent/commands/answer.ts';
import { runCallCommand } from '../../agent/commands/call.ts';
import { runDoctorCommand } from '../../agent/commands/doctor.ts';
import { runHangupCommand } from '../../agent/commands/hangup.ts';
import { runShareCommand, runStopSharingCommand } from '../../agent/commands/share.ts';
import { runStatusCommand } from '../../agent/commands/status.ts';
import type { CommandIo, ExitStatus } from '../../agent/io.ts';
import { CloisterError } from '../../src/kernel/errors.ts';
import type { UiServer } from '../../src/ui-server/server.ts';
import { createFakeRoom, type FakeRoom } from '../fakes/room.ts';
import { serveRoom } from '../harness/served-room.ts';

const CODE = '12345 67890 12345 67890';

type Command = (args: string[], io: CommandIo) => Promise<ExitStatus>;

async function run(command: Command, ...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const status = await command(args, { stdout: (line) => out.push(line), stderr: (line) => err.push(line) });
  return { status, out, err };
}

describe('commands', () => {
  let room: FakeRoom;
  let server: UiServer;
  let url: string[];

  beforeEach(async () => {
    room = createFakeRoom();
    server = await serveRoom(room, { uiDirectory: '/nowhere' });
    url = ['--url', server.url];
  });
  afterEach(() => server[Symbol.asyncDispose]());

  it('status prints the state for people, or whole as JSON', async () => {
    room.ring();
    room.connect(CODE);
    const text = await run(runStatusCommand, ...url);
    assert.equal(text.status, 0);
    assert.match(text.out.join('\n'), /Boardroom, boardroom@contoso\.example, ready[\s\S]*connected, incoming, Studio[\s\S]*12345 67890 12345 67890/);
    const json = await run(runStatusCommand, '--json', ...url);
    assert.equal(json.out.length, 1);
    assert.deepEqual(JSON.parse(json.out[0] ?? ''), room.state());
  });

  it('no name of another room can steer the terminal', async () => {
    room.ring();
    room.changeCall((call) => ({ ...call, peer: { ...call.peer, displayName: '\u001b]0;x\u0007\u202Eevil\nRoom        fine' } }));
    const { out } = await run(runStatusCommand, ...url);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.doesNotMatch(out.join(''), /[\u0000-\u001f\u202e]/);
  });

  it('share and stop-sharing act on the call, and say why they cannot', async () => {
    const none = await run(runShareCommand, ...url);
    assert.deepEqual([none.status, /CL_CALL_NONE/.test(none.err.join())], [1, true]);
    const id = room.ring();
    room.connect(CODE);
    assert.deepEqual(await run(runShareCommand, ...url), { status: 0, out: ['Sharing with studio@contoso.example.'], err: [] });
    assert.equal(room.state().call?.media.screen.sending, true);
    assert.deepEqual(await run(runStopSharingCommand, '--json', ...url), { status: 0, out: [JSON.stringify({ id })], err: [] });
    assert.equal(room.state().call?.media.screen.sending, false);
    room.failNext = new CloisterError('CL_MEDIA_SCREEN_NONE');
    const nothing = await run(runShareCommand, ...url);
    assert.deepEqual([nothing.status, /nothing to share.*CL_MEDIA_SCREEN_NONE/.test(nothing.err.join())], [1, true]);
  });

  it('call places a call and tells its id', async () => {
    const { status, out } = await run(runCallCommand, 'studio@contoso.example', '--audio-only', '--json', ...url);
    assert.equal(status, 0);
    assert.deepEqual(JSON.parse(out[0] ?? ''), { id: room.state().call?.id });
    assert.deepEqual(room.state().call?.media.wanted, { microphone: true, camera: false, screen: false });
    const busy = await run(runCallCommand, 'studio@contoso.example', '--json', ...url);
    assert.equal(busy.status, 1);
    assert.equal((JSON.parse(busy.out[0] ?? '') as { error: { code: string } }).error.code, 'CL_CALL_BUSY');
    assert.match(busy.err[0] ?? '', /CL_CALL_BUSY/);
  });

  it('call --wait ends when the call is connected, or has ended', async () => {
    const placed = (): Promise<void> =>
      new Promise((resolve) => {
        const stop = room.subscribe(() => {
          stop();
          resolve();
        });
      });
    const first = run(runCallCommand, 'studio@contoso.example', '--wait', ...url);
    await placed();
    room.connect(CODE);
    const connected = await first;
    assert.equal(connected.status, 0);
    assert.match(connected.out.join('\n'), /Connected with studio@contoso\.example: end-to-end\nCode {2}12345 67890/);
    await room.callAction(room.state().call?.id ?? '', 'end');

    const second = run(runCallCommand, 'studio@contoso.example', '--wait', '--json', ...url);
    await placed();
    await room.callAction(room.state().call?.id ?? '', 'end');
    const ended = await second;
    assert.equal(ended.status, 1);
    assert.equal((JSON.parse(ended.out[0] ?? '') as { phase: string }).phase, 'ended');
  });

  it('answer and hangup do what can be done now', async () => {
    assert.equal((await run(runAnswerCommand, ...url)).status, 1);
    assert.equal((await run(runHangupCommand, ...url)).status, 1);
    room.ring();
    assert.equal((await run(runAnswerCommand, '--audio-only', ...url)).status, 0);
    assert.deepEqual(room.actions.at(-1)?.options, { video: false });
    assert.equal((await run(runHangupCommand, ...url)).status, 0);
    room.ring();
    assert.equal((await run(runHangupCommand, '--json', ...url)).status, 0);
    assert.deepEqual(
      room.actions.map(({ action }) => action),
      ['answer', 'end', 'decline']
    );
  });

  it('bad usage is status 2 and says how it is done', async () => {
    for (const [command, ...args] of [
      [runStatusCommand, '--colour'],
      [runStatusCommand, 'extra'],
      [runStatusCommand, '--url', 'nonsense'],
      [runStatusCommand, '--url', 'file:///etc/passwd'],
      [runStatusCommand, '--json=yes'],
      [runCallCommand],
      [runCallCommand, 'a@b.c', 'd@e.f'],
      [runAnswerCommand, '--wait'],
      [runHangupCommand, '--audio-only'],
      [runDoctorCommand, '--set', 'nonsense'],
      [runDoctorCommand, 'extra'],
      [runDoctorCommand, '--dry-run'],
      [runDoctorCommand, '--install-udev-rule', '--remove-udev-rule']
    ] satisfies [Command, ...string[]][]) {
      const { status, out, err } = await run(command, ...args);
      assert.deepEqual([status, out], [2, []], args.join(' '));
      assert.match(err.join('\n'), /Usage: cloister \w+/);
    }
    for (const command of [runStatusCommand, runCallCommand, runAnswerCommand, runHangupCommand, runDoctorCommand]) {
      const { status, out, err } = await run(command, '--help');
      assert.deepEqual([status, err], [0, []]);
      assert.match(out.join('\n'), /^Usage: cloister/);
    }
  });

  it('says clearly that no agent answers, or that something else does', async () => {
    await server[Symbol.asyncDispose]();
    const nobody = await run(runStatusCommand, '--json', ...url);
    assert.equal(nobody.status, 1);
    assert.equal((JSON.parse(nobody.out[0] ?? '') as { error: { code: string } }).error.code, 'CL_AGENT_UNREACHABLE');
    assert.match(nobody.err[0] ?? '', /No room’s agent answers at http/);

    const answers = ['<html>', '{}', '[]', 'null', '{"code":"CL_NONSENSE"}'];
    for (const status of [200, 500]) {
      for (const body of answers) {
        const other = createServer((_request, response) => response.writeHead(status).end(body)).listen(0, '127.0.0.1');
        await new Promise((resolve) => other.once('listening', resolve));
        const { err } = await run(runStatusCommand, '--url', `http://127.0.0.1:${(other.address() as AddressInfo).port}`);
        assert.match(err[0] ?? '', /CL_AGENT_UNREACHABLE/, `${status} ${body}`);
        other.closeAllConnections();
        other.close();
      }
    }
  });

  it('doctor reports a wrong configuration as a finding', async () => {
    const { status, out } = await run(runDoctorCommand, '--set', 'uiServer.port=high', '--json');
    assert.equal(status, 1);
    const { result, checks } = JSON.parse(out[0] ?? '') as { result: string; checks: { name: string; text: string }[] };
    assert.equal(result, 'fail');
    assert.match(checks[0]?.text ?? '', /uiServer\.port must be a whole number/);
  });
});
