// A broker that is against its rooms: it has the broker's own certificate and no key of the organisation's. It lets everybody write everything,
// keeps what it saw, changes or drops what it likes, and sends what it likes in anybody's name.
import { createServer } from 'node:tls';
import { Aedes } from 'aedes';
import { readBrokerCertificate } from '../../src/identity/store.ts';
import type { MakeBroker } from './two-rooms.ts';

/** A message as it lies in the broker's hands. */
export type Carried = { readonly topic: string; readonly payload: Buffer; readonly type: string; readonly call: string; readonly from: string };

export type HostileBroker = {
  readonly make: MakeBroker;
  /** Every call message as its sender published it, in order. */
  readonly seen: readonly Carried[];
  /** What to hand on in place of a call message; null for nothing. */
  tamper(rule: (message: Carried) => Buffer | null): void;
  /** Hands out a message that nobody sent, or that somebody sent earlier. */
  deliver(topic: string, payload: Buffer): void;
};

export type Body = Readonly<Record<string, unknown>>;
type Claims = { readonly type?: unknown; readonly call?: unknown; readonly from?: { readonly account?: unknown }; readonly body?: Body };

/** What a message says, whether its signature is right or not. */
const contentOf = (payload: Buffer): Claims => JSON.parse(Buffer.from(payload.toString('latin1').split('.')[1] ?? '', 'base64url').toString()) as Claims;

export const bodyOf = (message: Carried): Body => contentOf(message.payload).body ?? {};

/** The message with other content under the signature that it had. */
function withContent(payload: Buffer, change: (content: Claims) => Claims): Buffer {
  const [head, , signature] = payload.toString('latin1').split('.');
  return Buffer.from([head, Buffer.from(JSON.stringify(change(contentOf(payload)))).toString('base64url'), signature].join('.'), 'latin1');
}

export const withBody = (payload: Buffer, change: (body: Body) => Body): Buffer =>
  withContent(payload, (content) => ({ ...content, body: change(content.body ?? {}) }));

const isCallTopic = (topic: string): boolean => topic.includes('/inbox/');

export function createHostileBroker(): HostileBroker {
  const seen: Carried[] = [];
  let rule: (message: Carried) => Buffer | null = (message) => message.payload;
  let running: Aedes | null = null;
  return {
    seen,
    tamper(next) {
      rule = next;
    },
    deliver(topic, payload) {
      running?.publish({ cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false }, () => {});
    },
    async make(folders, port) {
      const certificate = await readBrokerCertificate(folders.broker);
      const broker = new Aedes({
        authorizePublish(_client, packet, done) {
          if (isCallTopic(packet.topic)) {
            const payload = Buffer.from(packet.payload);
            const { type, call, from } = contentOf(payload);
            const carried = { topic: packet.topic, payload, type: String(type), call: String(call), from: String(from?.account) };
            seen.push(carried);
            const changed = rule(carried);
            if (changed === null) packet.topic = 'dropped';
            else packet.payload = changed;
          }
          done(null);
        }
      });
      await broker.listen();
      running = broker;
      const server = createServer({ key: certificate.keyPem, cert: certificate.certificatePem, requestCert: true, rejectUnauthorized: false }, (socket) => {
        socket.on('error', () => {});
        broker.handle(socket);
      });
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
      const address = server.address();
      return {
        url: `mqtts://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
        async [Symbol.asyncDispose]() {
          running = null;
          await new Promise<void>((resolve) => broker.close(() => resolve()));
          await new Promise<void>((resolve) => server.close(() => resolve()));
        }
      };
    }
  };
}
