// What can only be found out by trying: ports and the broker's TLS.
import { createServer } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { EndpointIdentity } from '../identity/port.ts';
import type { Clock } from '../kernel/clock.ts';
import { type CheckOutcome, fail, ok } from './diagnosis.ts';

const CONNECT_LIMIT_MS = 5_000;
/** TLS 1.3 lets a client finish before the server has looked at its certificate (RFC 8446 section 4.4.2.4): the refusal comes a moment later. */
const REFUSAL_TIME_MS = 300;

/** Whether a port can be listened on. @param agentRuns whether the room's own agent answers now, and so has it */
export async function checkPort(host: string, port: number, key: string, agentRuns: boolean): Promise<CheckOutcome> {
  if (port === 0) return ok('Any free port is taken.');
  const failure = await new Promise<string | null>((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
  const at = `${host} port ${port}`;
  if (failure === null) return ok(`${at} is free.`);
  if (failure === 'EADDRINUSE' && agentRuns) return ok(`${at} is used by the agent that runs now.`);
  if (failure === 'EADDRINUSE') return fail(`${at} is taken by another program.`, `End that program, or set ${key} to another port.`);
  return fail(`Cloister cannot listen on ${at} (${failure}).`, `Set ${key} and its host to what this machine and user may use.`);
}

/** Connects to an external broker as the room will, over mutual TLS, and hangs up. */
export function checkBrokerTls(url: string, identity: Pick<EndpointIdentity, 'keyPem' | 'certificatePem' | 'caPem'>, clock: Clock): Promise<CheckOutcome> {
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const portNumber = port === '' ? (protocol === 'wss:' ? 443 : 8883) : Number(port);
  const at = `${hostname} port ${portNumber}`;
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({
      host,
      port: portNumber,
      ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
      key: identity.keyPem,
      cert: identity.certificatePem,
      ca: identity.caPem,
      minVersion: 'TLSv1.2'
    });
    let timer = clock.schedule(CONNECT_LIMIT_MS, () =>
      done(fail(`${at} did not answer within ${CONNECT_LIMIT_MS / 1000} s.`, 'See that the broker runs and that no firewall is in between.'))
    );
    function done(outcome: CheckOutcome): void {
      timer.cancel();
      socket.destroy();
      resolve(outcome);
    }
    socket.once('secureConnect', () => {
      timer.cancel();
      timer = clock.schedule(REFUSAL_TIME_MS, () => done(ok(`${at} accepts this room’s certificate (${socket.getProtocol()}).`)));
    });
    socket.once('error', (error: NodeJS.ErrnoException) => done(brokerFailure(at, error.code ?? error.message)));
    socket.once('close', () => done(brokerFailure(at, 'closed')));
  });
}

function brokerFailure(at: string, code: string): CheckOutcome {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return fail(`The name in broker.url is not known (${at}).`, 'Correct broker.url, or the machine’s DNS.');
  if (code === 'ECONNREFUSED') return fail(`Nothing listens at ${at}.`, 'Start the broker, or correct broker.url.');
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return fail(
      `The broker’s certificate does not name ${at}.`,
      'Use the host name of its certificate, or issue one with cloister identity issue-broker --host.'
    );
  }
  if (/CERT|SIGNED|ISSUER|VERIFY/.test(code))
    return fail(`The broker’s certificate is not of this organisation’s CA (${code}).`, 'Issue the broker’s certificate with the same CA.');
  return fail(
    `The broker at ${at} ended the connection (${code}).`,
    'See that it speaks TLS 1.2 or later and trusts this organisation’s CA; its log says more.'
  );
}
