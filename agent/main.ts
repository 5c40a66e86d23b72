#!/usr/bin/env node
// The program: finds the command, runs it, sets the exit status: 0 done, 1 failed, 2 bad usage. Each command is loaded only when it is run.
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { asCloisterError } from '../src/kernel/errors.ts';
import type { CommandIo, ExitStatus } from './io.ts';

type Command = { readonly summary: string; readonly load: () => Promise<(args: string[], io: CommandIo) => Promise<ExitStatus>> };

const COMMANDS: Record<string, Command> = {
  run: { summary: 'run this room: agent, panel and display', load: async () => (await import('./commands/run.ts')).runRoom },
  demo: { summary: 'two rooms and an end-to-end encrypted call between them', load: async () => (await import('./commands/demo.ts')).demo },
  call: { summary: 'place a call: cloister call boardroom@contoso.example', load: async () => (await import('./commands/call.ts')).runCallCommand },
  answer: { summary: 'answer the call that rings', load: async () => (await import('./commands/answer.ts')).runAnswerCommand },
  hangup: { summary: 'end or decline the call', load: async () => (await import('./commands/hangup.ts')).runHangupCommand },
  share: { summary: 'share this room’s screen in the call', load: async () => (await import('./commands/share.ts')).runShareCommand },
  'stop-sharing': { summary: 'end sharing', load: async () => (await import('./commands/share.ts')).runStopSharingCommand },
  status: { summary: 'what the room is doing', load: async () => (await import('./commands/status.ts')).runStatusCommand },
  devices: { summary: 'cameras, microphones, loudspeakers, speakerphones', load: async () => (await import('./commands/devices.ts')).runDevicesCommand },
  people: { summary: 'favourites, recent calls, the directory, who is blocked', load: async () => (await import('./commands/people.ts')).runPeopleCommand },
  settings: { summary: 'what is set at the panel', load: async () => (await import('./commands/settings.ts')).runSettingsCommand },
  reports: { summary: 'reports of problems: list them, get one', load: async () => (await import('./commands/reports.ts')).runReportsCommand },
  doctor: { summary: 'check this machine and its configuration', load: async () => (await import('./commands/doctor.ts')).runDoctorCommand },
  recording: { summary: 'make the key of recordings, and open one', load: async () => (await import('./commands/recording.ts')).runRecordingCommand },
  pin: { summary: 'take away the administrator’s PIN', load: async () => (await import('./commands/pin.ts')).runPinCommand },
  'relay-credentials': {
    summary: 'give rooms short-lived credentials for TURN relays',
    load: async () => (await import('./commands/relay-credentials.ts')).runRelayCredentials
  },
  identity: { summary: 'make and look at certificates', load: async () => (await import('./commands/identity.ts')).runIdentityCommand }
};

const usage = (): string =>
  [
    'Usage: cloister COMMAND [OPTIONS]     (cloister COMMAND --help says more)',
    '',
    ...Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(19)}${summary}`)
  ].join('\n');

async function main(args: string[], io: CommandIo): Promise<ExitStatus> {
  const [name, ...rest] = args;
  if (name === '--help' || name === 'help') {
    io.stdout(usage());
    return 0;
  }
  const command = name === undefined || !Object.hasOwn(COMMANDS, name) ? undefined : COMMANDS[name];
  if (command === undefined) {
    io.stderr(name === undefined ? usage() : `cloister: there is no command ${JSON.stringify(name)}\n\n${usage()}`);
    return 2;
  }
  const run = await command.load();
  return run(rest, io);
}

// What Node compiled is kept for the next start, also of a media process, which inherits the variable: half the time to start, and 15 MB less in
// each process. It lies beside the packages: whoever can write there can change the program itself. Where it cannot be written, it is done without.
const compiled = fileURLToPath(new URL('../node_modules/.cache/cloister', import.meta.url));
process.env['NODE_COMPILE_CACHE'] ??= compiled;
enableCompileCache(compiled);
// A young generation that stays small is collected more often and takes 20 MB less; the agent has next to nothing to collect.
setFlagsFromString('--semi-space-growth-factor=1');

const io: CommandIo = {
  stdout: (line) => process.stdout.write(`${line}\n`),
  stderr: (line) => process.stderr.write(`${line}\n`)
};
// A reader that goes away (cloister status | head -1) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

main(process.argv.slice(2), io).then(
  (status) => {
    process.exitCode = status;
    // Whatever a foreign library left open must not keep a finished command alive.
    process.stdout.write('', () => process.exit(status));
  },
  (cause) => {
    const error = asCloisterError(cause);
    io.stderr(`cloister: ${error.message} (${error.code})`);
    process.exit(1);
  }
);
