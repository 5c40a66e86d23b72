// A DTLS handshake as tshark's own dissector reads it from a capture file, decrypted where a key log is there.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { until } from '../fakes/dtls-attacker.ts';

const MARK_LIMIT_MS = 20_000;

/** Resolves when the capture file holds everything up to now: tshark says that it captures before it does, and writes in blocks. */
export async function caughtUp(captureFile: string): Promise<void> {
  const mark = randomBytes(16);
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  const sending = setInterval(() => socket.send(mark, port, '127.0.0.1'), 20);
  let found = false;
  const looking = setInterval(() => {
    readFile(captureFile).then(
      (file) => {
        found ||= file.includes(mark);
      },
      () => {}
    );
  }, 50);
  try {
    await until(() => found, 'the capture', MARK_LIMIT_MS);
  } finally {
    clearInterval(sending);
    clearInterval(looking);
    socket.close();
  }
}

export type SeenHandshake = {
  /** Handshake message types in the order in which they were first seen, each with its sender's port; retransmissions and further fragments left out. */
  readonly messages: readonly { readonly from: number; readonly type: number }[];
  /** How many Finished messages it has the content of: none without the keys. */
  readonly decryptedFinished: number;
  /** What tshark complains of: warnings and errors of its dissectors. */
  readonly complaints: readonly string[];
  /** Content types of all records. */
  readonly recordTypes: readonly number[];
  /** Datagrams on the port in which it finds no record of DTLS. */
  readonly strange: number;
};

const FIELDS = [
  'udp.srcport',
  'dtls.handshake.type',
  'dtls.handshake.message_seq',
  'dtls.handshake.verify_data',
  'dtls.record.content_type',
  '_ws.expert.severity',
  '_ws.expert.message'
];
/** Of Wireshark's expert information. What is below is no complaint: a note says that a message was repeated, for example. */
const WARNING = 0x600000;
const numbers = (list: string): number[] => (list === '' ? [] : list.split(',').map(Number));

/** @param keyLogFile an NSS key log; nothing is decrypted without */
export async function readHandshake(captureFile: string, port: number, keyLogFile: string | null): Promise<SeenHandshake> {
  const { stdout } = await promisify(execFile)(
    'tshark',
    [
      ...['-r', captureFile, '-d', `udp.port==${port},dtls`, '-Y', `udp.port==${port}`],
      ...(keyLogFile === null ? [] : ['-o', `tls.keylog_file:${keyLogFile}`]),
      ...['-T', 'fields', ...FIELDS.flatMap((field) => ['-e', field])]
    ],
    { maxBuffer: 1 << 26 }
  );
  const seen = new Set<string>();
  const messages: { from: number; type: number }[] = [];
  const complaints: string[] = [];
  const recordTypes: number[] = [];
  let decryptedFinished = 0;
  let strange = 0;
  for (const line of stdout.split('\n')) {
    if (line === '') continue;
    const [from = '', types = '', sequences = '', finished = '', records = '', severities = '', complaint = ''] = line.split('\t');
    if (numbers(severities).some((severity) => severity >= WARNING)) complaints.push(complaint);
    if (records === '') strange += 1;
    recordTypes.push(...numbers(records));
    decryptedFinished += numbers(finished).length;
    const sequenceOf = numbers(sequences);
    for (const [index, type] of numbers(types).entries()) {
      const key = `${from} ${type} ${sequenceOf[index]}`;
      if (seen.has(key)) continue;
      seen.add(key);
      messages.push({ from: Number(from), type });
    }
  }
  return { messages, decryptedFinished, complaints, recordTypes, strange };
}
