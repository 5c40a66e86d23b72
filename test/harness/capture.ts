// What is on the wire, as a sniffer of its own sees it: tshark writes a capture file, and this reads its packets.
import { type ChildProcess, type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';

export type Packet = {
  readonly protocol: 'udp' | 'tcp' | 'other';
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Buffer;
};

export type Capture = AsyncDisposable & {
  /** Ends the capture and reads it. */
  packets(): Promise<Packet[]>;
};

const START_LIMIT_MS = 30_000;
const SNAP_FLUSH_MS = 1_000;

/** Starts a program with its standard output and error in pipes. */
export type Launch = (command: string, args: readonly string[]) => ChildProcessByStdio<null, Readable, Readable>;

const launchHere: Launch = (command, args) => spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });

/** Captures everything on a network interface into `file`; resolves when it does. */
export async function startCapture(file: string, networkInterface = 'lo', launch = launchHere): Promise<Capture> {
  const child = launch('tshark', ['-q', '-i', networkInterface, '-B', '64', '-F', 'pcap', '-w', file]);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await capturing(child);
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    // The kernel hands packets over in blocks.
    await new Promise((resolve) => setTimeout(resolve, SNAP_FLUSH_MS));
    child.kill('SIGINT');
    await ended;
  };
  return {
    async packets() {
      await stop();
      return readPackets(await readFile(file));
    },
    [Symbol.asyncDispose]: stop
  };
}

function capturing(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const limit = setTimeout(() => reject(new Error(`tshark does not capture: ${said}`)), START_LIMIT_MS);
    child.once('exit', (status) => reject(new Error(`tshark ended with status ${status}: ${said}`)));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (!said.includes('Capturing on')) return;
      clearTimeout(limit);
      resolve();
    });
  });
}

/** Fields of the packets that a display filter chooses, as tshark's own dissectors read them. */
export async function dissect(file: string, filter: string, fields: readonly string[]): Promise<string[][]> {
  const { stdout } = await promisify(execFile)('tshark', ['-r', file, '-Y', filter, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])], {
    maxBuffer: 1 << 26
  });
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')]));
}

const ETHERNET = 1;

/** A file of libpcap's format with Ethernet frames, as a loopback interface gives them. */
function readPackets(file: Buffer): Packet[] {
  const packets: Packet[] = [];
  if (![0xa1b2c3d4, 0xa1b23c4d].includes(file.readUInt32LE(0)) || file.readUInt32LE(20) !== ETHERNET) throw new Error('not a capture of Ethernet frames');
  for (let offset = 24; offset + 16 <= file.length; ) {
    const length = file.readUInt32LE(offset + 8);
    packets.push(readFrame(file.subarray(offset + 16, offset + 16 + length)));
    offset += 16 + length;
  }
  return packets;
}

const OTHER: Packet = { protocol: 'other', source: '', destination: '', sourcePort: 0, destinationPort: 0, payload: Buffer.alloc(0) };

function readFrame(frame: Buffer): Packet {
  const type = frame.length < 14 ? 0 : frame.readUInt16BE(12);
  const ip = frame.subarray(14);
  if (type === 0x0800) {
    const address = (at: number): string => ip.subarray(at, at + 4).join('.');
    return readTransport(ip.readUInt8(9), ip.subarray((ip.readUInt8(0) & 15) * 4, ip.readUInt16BE(2)), address(12), address(16));
  }
  if (type === 0x86dd) {
    const address = (at: number): string => ip.subarray(at, at + 16).toString('hex');
    return readTransport(ip.readUInt8(6), ip.subarray(40, 40 + ip.readUInt16BE(4)), address(8), address(24));
  }
  return { ...OTHER, payload: frame };
}

function readTransport(protocol: number, segment: Buffer, source: string, destination: string): Packet {
  if (protocol !== 6 && protocol !== 17) return { ...OTHER, source, destination, payload: segment };
  const header = protocol === 17 ? 8 : (segment.readUInt8(12) >> 4) * 4;
  return {
    protocol: protocol === 17 ? 'udp' : 'tcp',
    source,
    destination,
    sourcePort: segment.readUInt16BE(0),
    destinationPort: segment.readUInt16BE(2),
    payload: segment.subarray(header)
  };
}
