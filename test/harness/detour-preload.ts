// Loaded with --import into a room's agent by harness/detour.ts, and by that into its media processes, whose environment takes no options for Node.
// Every IPv4 datagram goes to the detour's socket instead, with the address it is for in front; what comes from there has the address it came from in front.
// IPv6 leads nowhere. A media process also writes a CPU profile when CLOISTER_TEST_PROFILES names a folder.
import childProcess from 'node:child_process';
import { Socket } from 'node:dgram';
import { syncBuiltinESMExports } from 'node:module';

const HEADER_BYTES = 12;
const MEDIA_PROCESS = 'media/process.ts';
const { CLOISTER_TEST_DETOUR: detour, CLOISTER_TEST_PROFILES: profiles } = process.env;

const { spawn } = childProcess;
const spawnWithPreload = (command: string, args: readonly string[], options: childProcess.SpawnOptions) => {
  const entry = args.findIndex((argument) => argument.endsWith(MEDIA_PROCESS));
  const extra = ['--import', import.meta.url, ...(profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`])];
  return spawn(command, entry < 0 ? args : args.toSpliced(entry, 0, ...extra), options);
};
Object.assign(childProcess, { spawn: spawnWithPreload });
syncBuiltinESMExports();

if (detour !== undefined) {
  const detourPort = Number(detour);
  const { send, emit } = Socket.prototype;
  Object.assign(Socket.prototype, {
    send(this: Socket & { readonly type: string }, datagram: Uint8Array, port: number, address: string, done?: (error: Error | null) => void): void {
      if (this.type === 'udp6') {
        done?.(null);
        return;
      }
      const message = Buffer.alloc(HEADER_BYTES + datagram.byteLength);
      message.set(address.split('.').map(Number), 0);
      message.writeUInt16BE(port, 4);
      message.set(datagram, HEADER_BYTES);
      Reflect.apply(send, this, [message, detourPort, '127.0.0.1', ...(done === undefined ? [] : [done])]);
    },
    emit(this: Socket, event: string, ...rest: unknown[]): boolean {
      const [message, from] = rest as [Buffer, { port: number } | undefined];
      // What the program itself puts in goes in: the gate tries itself out like that.
      if (event !== 'message' || from?.port !== detourPort) return Reflect.apply(emit, this, [event, ...rest]);
      const info = { address: message.subarray(0, 4).join('.'), port: message.readUInt16BE(4), family: 'IPv4', size: message.byteLength - 6 };
      return Reflect.apply(emit, this, ['message', message.subarray(6), info]);
    }
  });
}
