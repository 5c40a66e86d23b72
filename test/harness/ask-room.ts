// One request to a room's HTTP interface, plain or over TLS, as a program sends it that is no browser: what it got, whatever that is.
import { type IncomingHttpHeaders, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { buffer } from 'node:stream/consumers';

export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly body: string;
  /** Of the problem that the answer is; undefined where it is none. */
  readonly code: string | undefined;
};

type Question = {
  readonly port: number;
  readonly method: string;
  readonly path: string;
  /** Sent as JSON; a POST without one sends {}. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whom to trust: then it goes over TLS. */
  readonly ca?: string | undefined;
};

export function askRoom({ port, method, path, body, headers = {}, ca }: Question): Promise<Answer> {
  const sent = body === undefined && method !== 'POST' ? undefined : JSON.stringify(body ?? {});
  const json = sent === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(sent)) };
  const options = { host: '127.0.0.1', port, method, path, agent: false, headers: { ...json, ...headers } } as const;
  return new Promise((resolve, reject) => {
    const outgoing = ca === undefined ? request(options) : secureRequest({ ...options, ca, servername: 'localhost', minVersion: 'TLSv1.2' });
    outgoing.on('response', (response) => {
      buffer(response).then((bytes) => {
        const got = bytes.toString();
        const isProblem = response.headers['content-type']?.startsWith('application/problem+json') === true;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes, body: got, code: isProblem ? JSON.parse(got).code : undefined });
      }, reject);
    });
    outgoing.on('error', reject);
    outgoing.end(sent);
  });
}
