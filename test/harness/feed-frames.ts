// A program: prints frames that the room at 127.0.0.1 shows, one in base64 on each line. For a room in a network where the test itself is not.
import { createHttpClient } from '../../agent/http-client.ts';
import { displayed } from './wire.ts';

const [url = '', wanted = '10'] = process.argv.slice(2);
const { frames } = await displayed(createHttpClient(url), url, Number(wanted));
process.stdout.write(frames.map((frame) => `${frame.toString('base64')}\n`).join(''));
