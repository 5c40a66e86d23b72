// npm run gallery [-- --port N]: every screen and scene in each of its states, in a browser on this machine. Ends with Ctrl+C.
import { parseArgs } from 'node:util';
import { serveGallery } from './pages.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '8480' } } });
if (!/^\d{1,5}$/.test(values.port)) throw new TypeError(`a port is wanted, not ${JSON.stringify(values.port)}`);
const server = await serveGallery(Number(values.port));
console.log(`The gallery is at ${server.url}/`);
