// Mosquitto as the rooms' broker, with exactly the configuration of config/examples: paths and ports are replaced, nothing else.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { accountIdOf } from '../../src/identity/names.ts';
import { readAuthority, readBrokerCertificate, readIdentity } from '../../src/identity/store.ts';
import { brokerRulesFor } from '../../src/signaling/topics.ts';
import type { MakeBroker } from './two-rooms.ts';

const EXAMPLES = new URL('../../config/examples/', import.meta.url);

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const open = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  });
  socket.destroy();
  return open;
}

export const mosquittoBroker: MakeBroker = async (folders, wantedPort) => {
  const directory = await mkdtemp(join(tmpdir(), 'cloister-mosquitto-'));
  const [port, webPort] = [wantedPort === 0 ? await freePort() : wantedPort, await freePort()];
  const at = (name: string): string => join(directory, name);
  const [authority, certificate, ...identities] = await Promise.all([
    readAuthority(folders.authority),
    readBrokerCertificate(folders.broker),
    ...folders.rooms.map((room) => readIdentity(room.directory))
  ]);
  const example = (await readFile(new URL('mosquitto.conf', EXAMPLES), 'utf8'))
    .replaceAll('/etc/mosquitto/certs/', `${directory}/`)
    .replaceAll('/etc/mosquitto/', `${directory}/`)
    .replaceAll('/var/lib/mosquitto/', `${directory}/`)
    .replace('listener 8883', `listener ${port} 127.0.0.1`)
    .replace('listener 8884', `listener ${webPort} 127.0.0.1`);
  const rules = identities.flatMap((identity) => brokerRulesFor(identity.endpointId, accountIdOf(identity.account)));
  // Started by root, Mosquitto would become a user that cannot read this folder.
  await writeFile(at('mosquitto.conf'), `user root\n${example}`);
  await writeFile(at('cloister.acl'), `${await readFile(new URL('mosquitto.acl', EXAMPLES), 'utf8')}\n${rules.join('\n')}\n`);
  await writeFile(at('organisations.pem'), authority.certificatePem);
  await writeFile(at('certificate.pem'), certificate.certificatePem);
  await writeFile(at('key.pem'), certificate.keyPem);
  await writeFile(at('revocations.pem'), authority.crlPem);
  const child = spawn('mosquitto', ['-c', at('mosquitto.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'exit');
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`mosquitto ended: ${said}`);
    await pause(20);
  }
  return {
    url: `mqtts://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
      await rm(directory, { recursive: true, force: true });
    }
  };
};
