// Nobody outside is asked anything: a whole demo in a network of its own, with a sniffer at the way out and one on the loopback interface, and
// the system calls of every process as a second witness. The control shows that the same set-up sees a name looked up, a packet and mDNS.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Capture, dissect, type Launch, type Packet, startCapture } from '../harness/capture.ts';
import { type LonelyNetwork, makeLonelyNetwork, OUTSIDE, OWN_ADDRESS } from '../harness/lonely-network.ts';

const MAIN = fileURLToPath(new URL('../../agent/main.ts', import.meta.url));
const LOOPBACK6 = `${'0'.repeat(31)}1`;
/** DNS, its secure form, multicast DNS, link-local name resolution, NetBIOS names, service discovery. */
const NAME_PORTS = [53, 853, 5353, 5355, 137, 1900];

const isOwn = (address: string): boolean => address.startsWith('127.') || address === OWN_ADDRESS || address === LOOPBACK6;
const isName = ({ sourcePort, destinationPort }: Packet): boolean => NAME_PORTS.includes(destinationPort) || NAME_PORTS.includes(sourcePort);
const describePacket = ({ protocol, source, destination, destinationPort, payload }: Packet): string =>
  `${protocol} ${source} -> ${destination}:${destinationPort} ${payload.subarray(0, 40).toString('latin1')}`;

type Run = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

async function run(launch: Launch, command: string, args: readonly string[]): Promise<Run> {
  const child = launch(command, args);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text));
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, ...output };
}

describe('nobody outside is asked anything', function () {
  this.timeout(180_000);
  let folder: string;
  let network: LonelyNetwork;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-lonely-'));
    network = await makeLonelyNetwork(folder);
  });
  after(async () => {
    await network?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function observed(
    name: string,
    command: string,
    args: readonly string[]
  ): Promise<{ outside: Packet[]; inside: Packet[]; questions: string[]; run: Run }> {
    const files = { outside: join(folder, `${name}-outside.pcap`), inside: join(folder, `${name}-inside.pcap`) };
    await using outside: Capture = await startCapture(files.outside, OUTSIDE, network.launch);
    await using inside: Capture = await startCapture(files.inside, 'lo', network.launch);
    const ran = await run(network.launch, command, args);
    const packets = { outside: await outside.packets(), inside: await inside.packets() };
    const questions = (await Promise.all(Object.values(files).map((file) => dissect(file, 'dns || mdns || llmnr', ['dns.qry.name'])))).flat(2);
    return { ...packets, questions, run: ran };
  }

  it('control: a name, a packet and a multicast question are seen', async () => {
    const script = `
      const socket = require('node:dgram').createSocket('udp4');
      socket.send('control', 9, '192.0.2.1', () => socket.send(Buffer.from('000000000001000000000000056d7973656c66056c6f63616c0000010001', 'hex').subarray(1), 5353, '224.0.0.251', () =>
        require('node:dns').lookup('control.cloister.example', () => fetch('http://192.0.2.7/', { signal: AbortSignal.timeout(500) }).catch(() => socket.close()))));`;
    const { outside, questions } = await observed('control', process.execPath, ['-e', script]);
    const addresses = outside.map(({ protocol, destination }) => `${protocol} ${destination}`);
    for (const expected of ['udp 192.0.2.1', 'udp 224.0.0.251', 'udp 10.9.9.1', 'tcp 192.0.2.7'])
      assert.ok(addresses.includes(expected), `${expected} in ${addresses.join(', ')}`);
    assert.ok(questions.includes('control.cloister.example'), questions.join());
    assert.ok(outside.some(isName));
  });

  it('a demo sends no packet out and asks no name', async () => {
    const { outside, inside, questions, run: ran } = await observed('demo', process.execPath, [MAIN, 'demo', '--for', '6', '--json']);
    assert.equal(ran.status, 0, ran.stderr);
    const { ok, rooms } = JSON.parse(ran.stdout) as { ok: boolean; rooms: { encryption: string; video: { framesReceived: number } }[] };
    assert.ok(ok && rooms.every(({ encryption, video }) => encryption === 'end-to-end-verified' && video.framesReceived > 30), 'control: there was a call');
    assert.deepEqual(outside.map(describePacket), []);
    assert.deepEqual(questions, []);
    assert.ok(inside.length > 500, 'control: the call was captured');
    assert.deepEqual(inside.filter((packet) => !isOwn(packet.source) || !isOwn(packet.destination) || isName(packet)).map(describePacket), []);
  });

  it('the system calls say the same', async () => {
    const trace = join(folder, 'trace');
    const calls = 'trace=connect,sendto,sendmsg,sendmmsg';
    const ran = await run(network.launch, 'strace', [
      '-f',
      '-qq',
      '--seccomp-bpf',
      '-e',
      calls,
      '-s',
      '8',
      '-o',
      trace,
      process.execPath,
      MAIN,
      'demo',
      '--for',
      '2',
      '--json'
    ]);
    assert.equal(ran.status, 0, ran.stderr);
    const text = await readFile(trace, 'utf8');
    const named = [...text.matchAll(/inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"/g)].map(([, four, six]) => four ?? six ?? '');
    assert.ok(named.length > 100, 'control: calls were seen');
    assert.deepEqual(
      [...new Set(named)].filter((address) => !isOwn(address) && address !== '::1' && !address.startsWith('::ffff:127.')),
      []
    );
    const ports = new Set([...text.matchAll(/htons\((\d+)\)/g)].map(([, port]) => Number(port)));
    assert.deepEqual(
      NAME_PORTS.filter((port) => ports.has(port)),
      []
    );
  });
});
