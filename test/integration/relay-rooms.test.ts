// Whole rooms behind walls (requirement R8): networks of their own, in which nothing passes but TURN, with credentials from the service and a real
// coturn. First TCP 443 alone, then UDP to the relay; what is on the relay's legs is looked at as in wire.test.ts.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseMessage } from 'werift';
import { ensureIdentities } from '../../agent/commands/identity.ts';
import { issueBroker } from '../../src/identity/certificate-authority.ts';
import { readAuthority, writeIssued } from '../../src/identity/store.ts';
import type { RoomState } from '../../src/room/state.ts';
import { type Packet, startCapture } from '../harness/capture.ts';
import { type Coturn, RELAY_SECRET, startCoturn } from '../harness/coturn.ts';
import { BROKER_ADDRESS, makeWalledSite, type Network, RELAY_ADDRESS, type WalledSite } from '../harness/walled-site.ts';
import { findings, joined, type Kind, kindOf, windows } from '../harness/wire.ts';

const MAIN = fileURLToPath(new URL('../../agent/main.ts', import.meta.url));
const FEED = fileURLToPath(new URL('../harness/feed-frames.ts', import.meta.url));
const PANEL = 'http://127.0.0.1:8480';
const LIMIT_MS = 60_000;
const SERVICE = 'relay@contoso.example';
const ACCOUNTS = ['boardroom@contoso.example', 'studio@contoso.example'] as const;
const BROKER_PORT = 443;
const UDP_PORT = 3478;

type Program = { readonly child: ChildProcess; stderr(): string };

async function until(condition: () => boolean | Promise<boolean>, what: () => string): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not in ${LIMIT_MS} ms: ${what()}`);
    await pause(100);
  }
}

/** Starts `cloister …`; resolves when it says that it is ready. */
async function start(network: Network, args: readonly string[]): Promise<Program> {
  const child = network.launch(process.execPath, [MAIN, ...args, '--json']);
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (status) => reject(new Error(`cloister ${args[0]} ended with ${status}: ${errors}`)));
    createInterface({ input: child.stdout }).once('line', () => resolve());
  });
  return { child, stderr: () => errors };
}

async function stop({ child }: Program): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 8_000);
  await ended;
  clearTimeout(late);
}

/** What is in a datagram on a leg to the relay: itself, or what a TURN message carries. */
function carriedBy(packet: Packet): { readonly payload: Buffer } {
  const { payload } = packet;
  const first = payload[0] ?? 255;
  if (first >= 0x40 && first < 0x50) return { payload: payload.subarray(4, 4 + payload.readUInt16BE(2)) };
  const data: unknown = first < 4 ? parseMessage(payload)?.getAttributeValue('DATA') : undefined;
  return Buffer.isBuffer(data) ? { payload: data } : packet;
}

const countKinds = (packets: readonly { readonly payload: Buffer }[]): Record<Kind, number> => {
  const counts: Record<Kind, number> = { stun: 0, dtls: 0, rtp: 0, rtcp: 0, unknown: 0 };
  for (const packet of packets) counts[kindOf(packet)] += 1;
  return counts;
};

describe('rooms behind walls', function () {
  this.timeout(180_000);
  let folder: string;
  let walled: WalledSite;
  let coturn: Coturn;
  const programs: Program[] = [];
  const at = (...names: string[]): string => join(folder, ...names);

  const status = async (index: 0 | 1): Promise<RoomState> => {
    const { stdout } = await walled.rooms[index].run(process.execPath, [MAIN, 'status', '--json']);
    return JSON.parse(stdout) as RoomState;
  };

  async function writeConfig(name: string, account: string, more: Readonly<Record<string, unknown>>): Promise<string> {
    await mkdir(at(name, 'data'), { recursive: true });
    const config = {
      room: { name: account.split('@')[0] },
      identity: { directory: at(name, 'identity') },
      broker: { mode: 'external', url: `mqtts://${BROKER_ADDRESS}:${BROKER_PORT}` },
      encryption: { policy: 'DisabledUserOverride', setting: true },
      media: {
        camera: 'test',
        microphone: 'test',
        video: { width: 640, height: 360, fps: 15, maxKbps: 800 },
        relay: { service: SERVICE, certificateAuthority: at(name, 'identity', 'ca.pem') }
      },
      dataDirectory: at(name, 'data'),
      ...more
    };
    await writeFile(at(name, 'room.json'), JSON.stringify(config));
    return at(name, 'room.json');
  }

  /** The service and two rooms, all with their credentials. */
  async function startAll(relayUrls: readonly string[]): Promise<readonly [Program, Program]> {
    const service = await start(walled.site, [
      'relay-credentials',
      ...['--config', at('service', 'room.json'), '--secret-file', at('secret')],
      ...relayUrls.flatMap((url) => ['--url', url])
    ]);
    programs.push(service);
    const made: Program[] = [];
    for (const index of [0, 1] as const) {
      const room = await start(walled.rooms[index], ['run', '--config', at(`room-${index}`, 'room.json')]);
      programs.push(room);
      made.push(room);
    }
    const [a, b] = made;
    assert.ok(a !== undefined && b !== undefined);
    await until(
      () => [a, b].every((room) => /"message":"relay credentials"|relay credentials/.test(room.stderr())),
      () => `credentials\n${service.stderr()}\n${a.stderr()}\n${b.stderr()}`
    );
    return [a, b];
  }

  /** A call from the first room to the second, with picture and sound both ways, and frames as the second one shows them. */
  async function callThrough(): Promise<Buffer[]> {
    const called = await walled.rooms[0].run(process.execPath, [MAIN, 'call', ACCOUNTS[1], '--wait', '--json']);
    assert.equal(called.status, 0, `${called.stdout}\n${programs.map((program) => program.stderr()).join('\n')}`);
    const { encryption } = JSON.parse(called.stdout) as { encryption: { state: string; securityCode: string } };
    assert.equal(encryption.state, 'end-to-end-verified');
    assert.match(encryption.securityCode, /\d/);
    await until(
      async () =>
        (await Promise.all([status(0), status(1)])).every(
          ({ call }) => call?.phase === 'connected' && call.media.video.framesReceived > 10 && call.media.audio.packetsReceived > 10
        ),
      () => 'picture and sound both ways'
    );
    const { stdout } = await walled.rooms[1].run(process.execPath, [FEED, PANEL, '30']);
    await walled.rooms[0].run(process.execPath, [MAIN, 'hangup']);
    return stdout
      .trim()
      .split('\n')
      .map((line) => Buffer.from(line, 'base64'));
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-walls-'));
    const rooms = [...ACCOUNTS, SERVICE, 'lobby@contoso.example'].map((account, index) => ({
      account,
      directory: at(['room-0', 'room-1', 'service', 'lobby'][index] ?? '', 'identity')
    }));
    await ensureIdentities({ authority: at('ca'), broker: at('broker'), rooms });
    const authority = await readAuthority(at('ca'));
    await writeIssued(at('site-broker'), await issueBroker(authority, [BROKER_ADDRESS], Date.now()), authority.certificatePem);
    await writeFile(at('secret'), RELAY_SECRET, { mode: 0o600 });
    await writeConfig('room-0', ACCOUNTS[0], {});
    await writeConfig('room-1', ACCOUNTS[1], { call: { autoAnswer: true } });
    await writeConfig('service', SERVICE, {});
    const listen = { host: BROKER_ADDRESS, port: BROKER_PORT };
    const broker = { mode: 'embedded', listen, certificateDirectory: at('site-broker') };
    await writeConfig('lobby', 'lobby@contoso.example', { broker, media: { camera: 'none', microphone: 'none' } });
    walled = await makeWalledSite();
    const certificate = await issueBroker(authority, [RELAY_ADDRESS], Date.now());
    coturn = await startCoturn({ address: RELAY_ADDRESS, port: UDP_PORT, tlsPort: 443, certificate, launch: walled.site.launch });
    // A room of the site whose agent is the broker.
    programs.push(await start(walled.site, ['run', '--config', at('lobby', 'room.json')]));
  });

  afterEach(async () => {
    await Promise.all(programs.splice(1).map(stop));
  });

  after(async () => {
    await Promise.all((programs ?? []).map(stop));
    await coturn?.[Symbol.asyncDispose]();
    await walled?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it('that let out nothing but TCP to port 443 have a call', async () => {
    await walled.setWall(['ipproto tcp dport 443']);
    const blocked = await walled.rooms[0].run(process.execPath, [
      '-e',
      `require('node:dgram').createSocket('udp4').send('x', ${UDP_PORT}, '${RELAY_ADDRESS}', (error) => process.exit(error === null ? 0 : 7))`
    ]);
    assert.equal(blocked.status, 7, 'control: the wall stands');
    await using wire = await startCapture(at('wire.pcap'), walled.wires[0], walled.site.launch);
    await using inner = await startCapture(at('inner.pcap'), 'lo', walled.site.launch);
    await startAll([`turn:${RELAY_ADDRESS}:${UDP_PORT}?transport=udp`, `turns:${RELAY_ADDRESS}:443?transport=tcp`]);
    const frames = await callThrough();
    const outside = (await wire.packets()).filter(({ protocol }) => protocol !== 'other');
    assert.ok(outside.length > 200, 'control: the call was captured');
    assert.deepEqual(
      outside.filter(({ protocol, sourcePort, destinationPort }) => protocol !== 'tcp' || (sourcePort !== 443 && destinationPort !== 443)),
      []
    );
    // Between the two allocations, where TURN and its TLS are off: as on any network.
    const between = (await inner.packets()).filter(
      ({ protocol, source, destination }) => protocol === 'udp' && source === RELAY_ADDRESS && destination === RELAY_ADDRESS
    );
    const kinds = countKinds(between);
    assert.ok(kinds.unknown === 0 && kinds.rtp > 100 && kinds.rtcp > 0 && kinds.dtls > 0 && kinds.stun > 0, JSON.stringify(kinds));
    const pieces = windows(frames);
    assert.ok(pieces.length > 50, `${pieces.length} pieces`);
    assert.deepEqual([findings(joined(outside), pieces), findings(joined(between), pieces)], [0, 0]);
  });

  it('that let out UDP to the relay have a call over it, and the relay sees nothing but TURN, STUN, DTLS and SRTP', async () => {
    await walled.setWall(['ipproto tcp dport 443', `ipproto udp dport ${UDP_PORT}`]);
    await using wire = await startCapture(at('udp.pcap'), walled.wires[0], walled.site.launch);
    const rooms = await startAll([`turn:${RELAY_ADDRESS}:${UDP_PORT}?transport=udp`]);
    const frames = await callThrough();
    const legs = (await wire.packets()).filter(({ protocol }) => protocol === 'udp');
    assert.ok(legs.every(({ sourcePort, destinationPort }) => sourcePort === UDP_PORT || destinationPort === UDP_PORT));
    const kinds = countKinds(legs.map(carriedBy));
    assert.ok(kinds.unknown === 0 && kinds.rtp > 100 && kinds.rtcp > 0 && kinds.dtls > 0 && kinds.stun > 0, JSON.stringify(kinds));
    const channelled = legs.filter(({ payload }) => (payload[0] ?? 0) >= 0x40 && (payload[0] ?? 0) < 0x50).length;
    assert.ok(channelled > kinds.rtp / 2, `${channelled} over channels`);
    assert.equal(findings(joined(legs), windows(frames)), 0);
    // Nobody wrote down what would open anything.
    const logs = [coturn.log(), ...programs.map((program) => program.stderr()), ...rooms.map((room) => room.stderr())];
    const environment = await readFile(`/proc/${coturn.pid}/environ`, 'latin1');
    const kept = await Promise.all((await readdir(at('room-0', 'data'))).map((name) => readFile(at('room-0', 'data', name), 'utf8').catch(() => '')));
    const credentials = [...coturn.log().matchAll(/username=<(\d+:[a-z2-7]{26})>/g)].map(([, username = '']) => username);
    assert.ok(credentials.length > 0, 'control: the relay knows the rooms by expiry and endpoint');
    for (const text of [...logs, environment, ...kept]) assert.ok(!text.includes(RELAY_SECRET) && !/"credential"|ice-pwd/.test(text));
  });
});
