// A process that floods a DTLS server on the loopback interface with ClientHellos, each with a random of its own, from as many addresses of 127.0.0.0/8 and ports as
// it can, until it is told to stop. It looks at no answer, as somebody who made the addresses up would not see one either.

import { randomBytes, randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { wholeMessage } from '../../src/media/secure-transport/dtls/fragments.ts';
import { writeClientHello } from '../../src/media/secure-transport/dtls/messages.ts';
import { plainRecord } from '../../src/media/secure-transport/dtls/records.ts';
import { CONTENT, MESSAGE, STANDARD_POLICY } from '../../src/media/secure-transport/dtls/registry.ts';

const SOCKETS_AT_ONCE = 100;
const HELLOS_OF_EACH = 4;

const serverPort = Number(process.argv[2]);
const told = new AbortController();
for (const event of ['message', 'disconnect'] as const) process.once(event, () => told.abort());

const hello = (): Buffer => {
  const body = writeClientHello(randomBytes(32), Buffer.alloc(0), STANDARD_POLICY);
  return plainRecord(CONTENT.handshake, 0, wholeMessage({ type: MESSAGE.clientHello, sequence: 0, body }));
};
const anyAddress = (): string => `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;

function open(): Promise<Socket> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => socket.bind(0, anyAddress(), () => resolve(socket)));
}
const send = (socket: Socket): Promise<void> => new Promise((resolve) => socket.send(hello(), serverPort, '127.0.0.1', () => resolve()));

while (!told.signal.aborted) {
  const sockets = await Promise.all(Array.from({ length: SOCKETS_AT_ONCE }, open));
  for (let time = 0; time < HELLOS_OF_EACH; time += 1) await Promise.all(sockets.map(send));
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  // All the above happens within one turn of the event loop.
  await new Promise((resolve) => setImmediate(resolve));
}
if (process.connected) process.disconnect();
