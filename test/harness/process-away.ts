// What a test needs in another network: `broker DIRECTORY HOST PORT`, or `door PATH PORT`, a way from a socket of the file system to a port of the loopback
// interface there. Says `ready` on standard output.
import { connect, createServer } from 'node:net';
import { composeBroker } from '../../agent/compose.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLog } from '../../src/kernel/log.ts';

const [what, place = '', second = '', third = ''] = process.argv.slice(2);
if (what === 'broker') {
  const options = { host: second, port: Number(third), certificateDirectory: place, trustedCertificates: [], revocationLists: [] };
  const broker = await composeBroker(options, { clock: systemClock, log: silentLog });
  await broker.start(new AbortController().signal);
  console.log('ready');
} else {
  createServer((near) => {
    const far = connect(Number(second), '127.0.0.1');
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
    near.pipe(far).pipe(near);
  }).listen(place, () => console.log('ready'));
}
