// An X display without a screen (Xvfb) that a test draws on: the server keeps its picture in a file, in the format of xwd.
import { spawn } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type XDisplay = AsyncDisposable & {
  /** Such as `:99`. */
  readonly name: string;
  /** Paints everything grey after a plane of luminance, 0 to 255. */
  paint(grey: Uint8Array): Promise<void>;
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
    kill,
    async [Symbol.asyncDispose]() {
      await kill();
      await file.close();
      await rm(folder, { recursive: true, force: true });
    }
  };
}
