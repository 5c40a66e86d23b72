// An X display without a screen (Xvfb) that a test draws on: the server keeps its picture in a file, in the format of xwd.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type XDisplay = AsyncDisposable & {
  /** Such as `:99`. */
  readonly name: string;
  /** Paints everything grey after a plane of luminance, 0 to 255. */
  paint(grey: Uint8Array): Promise<void>;
  /** Gives a window another size, as somebody does who drags its corner. */
  resize(window: string, width: number, height: number): Promise<void>;
  /** Ends the server, as when somebody logs out. */
  kill(): Promise<void>;
};

const START_LIMIT_MS = 20_000;
const BYTES_PER_PIXEL = 4;

export async function startXDisplay(width: number, height: number): Promise<XDisplay> {
  const folder = await mkdtemp(join(tmpdir(), 'cloister-x-'));
  const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', `${width}x${height}x24`, '-fbdir', folder, '-nolisten', 'tcp', '-noreset'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe']
  });
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const kill = async (): Promise<void> => {
    if (server.exitCode === null && server.signalCode === null) server.kill('SIGKILL');
    await ended;
  };
  const number = await new Promise<string>((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error('Xvfb did not start in time')), START_LIMIT_MS);
    server.once('error', reject);
    server.stdio[3]?.once('data', (text: Buffer) => {
      clearTimeout(limit);
      resolve(text.toString().trim());
    });
  });
  const file = await open(join(folder, 'Xvfb_screen0'), 'r+');
  const header = Buffer.alloc(100);
  await file.read(header, 0, header.length, 0);
  // Of XWDFileHeader: its size, the bytes of a line, and how many colours of 12 bytes follow it.
  const [headerBytes, lineBytes, colours] = [header.readUInt32BE(0), header.readUInt32BE(48), header.readUInt32BE(76)];
  return {
    name: `:${number}`,
    async paint(grey) {
      const pixels = Buffer.alloc(lineBytes * height);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) pixels.fill(grey[y * width + x] ?? 0, y * lineBytes + x * BYTES_PER_PIXEL, y * lineBytes + (x + 1) * BYTES_PER_PIXEL);
      }
      await file.write(pixels, 0, pixels.length, headerBytes + 12 * colours);
    },
    resize: (window, newWidth, newHeight) => configureWindow(Number(number), Number(window), newWidth, newHeight),
    kill,
    async [Symbol.asyncDispose]() {
      await kill();
      await file.close();
      await rm(folder, { recursive: true, force: true });
    }
  };
}

/** The two requests of the X protocol that this takes: the connection's set-up without authorisation, and ConfigureWindow; then it waits until both were done. */
async function configureWindow(display: number, window: number, width: number, height: number): Promise<void> {
  const socket = connect(`/tmp/.X11-unix/X${display}`);
  await once(socket, 'connect');
  const setUp = Buffer.alloc(12);
  setUp.write('l');
  setUp.writeUInt16LE(11, 2);
  socket.write(setUp);
  await once(socket, 'data');
  const configure = Buffer.alloc(20);
  configure.writeUInt8(12, 0);
  configure.writeUInt16LE(configure.length / 4, 2);
  configure.writeUInt32LE(window, 4);
  configure.writeUInt16LE(0x4 | 0x8, 8);
  configure.writeUInt32LE(width, 12);
  configure.writeUInt32LE(height, 16);
  const getInputFocus = Buffer.from([43, 0, 1, 0]);
  socket.write(Buffer.concat([configure, getInputFocus]));
  await once(socket, 'data');
  socket.destroy();
}
