// Runs in the guest: starts programs and opens tunnels for the host, as guest-protocol.ts says. It knows nothing of devices or rooms.
import { spawn } from 'node:child_process';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type FromGuest, type FromHost, HOST_ADDRESS, type Opening } from './guest-protocol.ts';

const NEWLINE = 0x0a;

const say = (socket: Socket, message: FromGuest): void => {
  if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\n`);
};

function joined(one: Socket, other: Socket): void {
  one.pipe(other);
  other.pipe(one);
  for (const [from, to] of [
    [one, other],
    [other, one]
  ] as const) {
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }
}

function run(socket: Socket, { command: [command = '', ...args], env }: Extract<Opening, { do: 'run' }>): void {
  // A group of its own: what it started ends with it.
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env }, detached: true });
  const end = (signal: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(signal === 'SIGKILL' ? -child.pid : child.pid, signal);
    } catch {
      // it has ended
    }
  };
  child.on('error', (error) => say(socket, { failed: error.message }));
  child.on('close', (exit, signal) => {
    say(socket, { exit, signal });
    socket.end();
  });
  child.stdin.on('error', () => {});
  child.stdout.setEncoding('utf8').on('data', (stdout: string) => say(socket, { stdout }));
  child.stderr.setEncoding('utf8').on('data', (stderr: string) => say(socket, { stderr }));
  createInterface({ input: socket }).on('line', (line) => {
    const message = JSON.parse(line) as FromHost;
    if ('stdin' in message) child.stdin.write(message.stdin);
    else end(message.signal);
  });
  socket.on('close', () => end('SIGKILL'));
}

function reachHost(socket: Socket, port: number): void {
  const server = createServer((local) => joined(local, connect(port, HOST_ADDRESS)));
  server.on('error', (error) => say(socket, { failed: error.message }));
  server.listen(port, '127.0.0.1', () => {
    say(socket, { ready: true });
    socket.end();
  });
}

function serve(socket: Socket): void {
  socket.on('error', () => {});
  let begun = Buffer.alloc(0);
  const take = (chunk: Buffer): void => {
    begun = Buffer.concat([begun, chunk]);
    const end = begun.indexOf(NEWLINE);
    if (end === -1) return;
    socket.off('data', take).pause();
    if (end + 1 < begun.length) socket.unshift(begun.subarray(end + 1));
    const opening = JSON.parse(begun.toString('utf8', 0, end)) as Opening;
    if (opening.do === 'tunnel') joined(socket, connect(opening.port, '127.0.0.1'));
    else if (opening.do === 'reach-host') reachHost(socket, opening.port);
    else run(socket, opening);
  };
  socket.on('data', take);
  say(socket, { ready: true });
}

createServer(serve).listen(Number(process.argv[2]));
