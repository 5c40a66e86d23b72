// Starts a program in a guest, by the door of guest-server.ts, and is its input, output and end here.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { FromGuest, FromHost, Opening } from './guest-protocol.ts';

/** A program in the guest. */
export type GuestProgram = {
  onLine(listener: (line: string) => void): void;
  onStderr(listener: (text: string) => void): void;
  write(text: string): void;
  signal(signal: NodeJS.Signals): void;
  /** Its status; null where a signal ended it. */
  readonly ended: Promise<number | null>;
};

/** @param port where guest-server.ts listens */
export async function startProgram(port: number, command: readonly string[], env: Readonly<Record<string, string>>): Promise<GuestProgram> {
  const socket = await openDoor(port, { do: 'run', command, env });
  const lines: ((line: string) => void)[] = [];
  const errors: ((text: string) => void)[] = [];
  const send = (message: FromHost): void => {
    if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\n`);
  };
  let rest = '';
  const ended = new Promise<number | null>((resolve, reject) => {
    createInterface({ input: socket }).on('line', (text) => {
      const message = JSON.parse(text) as FromGuest;
      if ('stdout' in message) {
        const parts = `${rest}${message.stdout}`.split('\n');
        rest = parts.pop() ?? '';
        for (const line of parts) for (const listener of lines) listener(line);
      } else if ('stderr' in message) for (const listener of errors) listener(message.stderr);
      else if ('failed' in message) reject(new Error(message.failed));
      else if ('exit' in message) {
        if (rest !== '') for (const listener of lines) listener(rest);
        resolve(message.exit);
      }
    });
    socket.on('close', () => reject(new Error(`the guest was gone before ${command.join(' ')} had ended`)));
  });
  ended.catch(() => {});
  return {
    onLine: (listener) => void lines.push(listener),
    onStderr: (listener) => void errors.push(listener),
    write: (stdin) => send({ stdin }),
    signal: (signal) => send({ signal }),
    ended
  };
}

export async function openDoor(port: number, opening: Opening): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => {});
  socket.write(`${JSON.stringify(opening)}\n`);
  return socket;
}

/** The server's first line; what follows it is left in the socket. */
export function afterGreeting(socket: Socket, then: () => void): void {
  const take = (chunk: Buffer): void => {
    const end = chunk.indexOf('\n');
    if (end === -1) return;
    socket.off('data', take).pause();
    if (end + 1 < chunk.length) socket.unshift(chunk.subarray(end + 1));
    then();
  };
  socket.on('data', take);
}
