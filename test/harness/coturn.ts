// coturn as the rooms' relay, with the configuration of config/examples: addresses, ports, paths and the secret are replaced, and what the test adds.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Issued } from '../../src/identity/certificate-authority.ts';
import type { Launch } from './capture.ts';

const EXAMPLE = new URL('../../config/examples/turnserver.conf', import.meta.url);
const START_LIMIT_MS = 15_000;

export const RELAY_SECRET = 'the-north-wind-and-the-sun-were-disputing';

export type Coturn = AsyncDisposable & {
  readonly pid: number;
  /** What it wrote, of everything that it does. */
  log(): string;
};

export type CoturnOptions = {
  readonly address: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly certificate: Issued;
  /** Lines for the end of its configuration. */
  readonly more?: readonly string[];
  /** In a network of its own. */
  readonly launch?: Launch;
};

const launchHere: Launch = (command, args) => spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });

export async function startCoturn({ address, port, tlsPort, certificate, more = [], launch = launchHere }: CoturnOptions): Promise<Coturn> {
  const directory = await mkdtemp(join(tmpdir(), 'cloister-coturn-'));
  const at = (name: string): string => join(directory, name);
  const example = (await readFile(EXAMPLE, 'utf8'))
    .replaceAll('192.0.2.10', address)
    .replaceAll('/etc/coturn/', `${directory}/`)
    .replace('listening-port=3478', `listening-port=${port}`)
    .replace('tls-listening-port=443', `tls-listening-port=${tlsPort}`)
    .replace('REPLACE-WITH-THE-SHARED-SECRET', RELAY_SECRET);
  const added = [`pidfile=${at('pid')}`, `userdb=${at('db')}`, 'verbose', ...(address.startsWith('127.') ? ['allow-loopback-peers'] : []), ...more];
  await writeFile(at('turnserver.conf'), `${example}\n${added.join('\n')}\n`, { mode: 0o600 });
  await writeFile(at('certificate.pem'), certificate.certificatePem);
  await writeFile(at('key.pem'), certificate.keyPem, { mode: 0o600 });
  const child: ChildProcess = launch('turnserver', ['-c', at('turnserver.conf')]);
  const ended = once(child, 'exit');
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  const deadline = performance.now() + START_LIMIT_MS;
  const listens = (): boolean => said.includes('TLS/TCP listener opened on') && said.includes('UDP listener opened on');
  while (!listens()) {
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`coturn does not listen: ${said}`);
    }
    await pause(20);
  }
  return {
    pid: child.pid ?? 0,
    log: () => said,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
      await rm(directory, { recursive: true, force: true });
    }
  };
}
