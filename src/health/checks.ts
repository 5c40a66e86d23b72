// The judgements of the doctor: a fact in, an outcome out. Pure.
import { X509Certificate } from 'node:crypto';
import { type CheckOutcome, fail, ok, warn } from './diagnosis.ts';

const DAY_MS = 86_400_000;
const EXPIRES_SOON_DAYS = 30;

/** @param version such as 24.17.0 */
export function judgeRuntime(version: string): CheckOutcome {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const advice = 'Start Cloister with npm, which brings the Node it was tested with.';
  if (major < 24) return fail(`Node ${version} is too old.`, advice);
  // Measured: createCipheriv with a Buffer key is 3 to 5 times slower there.
  if (major === 24 && minor >= 18 && minor <= 21) return warn(`Node ${version} encrypts media several times slower than 24.17.`, advice);
  if (major > 24) return warn(`Node ${version} is newer than what Cloister was tested with.`, advice);
  return ok(`Node ${version}.`);
}

export function judgeClock(nowMs: number, certificateFromMs: number | null): CheckOutcome {
  const year = new Date(nowMs).getUTCFullYear();
  const advice = 'Set the clock, or let the machine get its time from the network: messages more than five minutes off are refused.';
  if (year < 2025 || year > 2100) return fail(`The clock says ${new Date(nowMs).toISOString()}.`, advice);
  if (certificateFromMs !== null && nowMs < certificateFromMs) return fail('The clock is before the time at which this room’s certificate was made.', advice);
  return ok(`${new Date(nowMs).toISOString()}.`);
}

/** A certificate's time. @param what such as "The identity" */
export function judgeValidity(what: string, notAfterMs: number, nowMs: number, advice: string): CheckOutcome {
  const days = Math.floor((notAfterMs - nowMs) / DAY_MS);
  const until = new Date(notAfterMs).toISOString().slice(0, 10);
  if (notAfterMs <= nowMs) return fail(`${what} expired on ${until}.`, advice);
  if (days <= EXPIRES_SOON_DAYS) return warn(`${what} expires in ${days} days, on ${until}.`, advice);
  return ok(`${what} is valid until ${until}.`);
}

/** A file with one or more CA certificates. */
export function judgeAuthority(what: string, pem: string, nowMs: number): CheckOutcome {
  const advice = 'Get the current CA certificate from its organisation and put its file in identity.trustedCertificates.';
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) return fail(`${what} holds no certificate.`, advice);
  const outcomes = blocks.map((block): CheckOutcome => {
    let certificate: X509Certificate;
    try {
      certificate = new X509Certificate(block);
    } catch {
      return fail(`${what} holds a garbled certificate.`, advice);
    }
    if (!certificate.ca) return fail(`${what} holds a certificate that is not a CA’s.`, advice);
    return judgeValidity(what, certificate.validToDate.getTime(), nowMs, advice);
  });
  return outcomes.find(({ result }) => result === 'fail') ?? outcomes.find(({ result }) => result === 'warn') ?? outcomes[0] ?? fail(what, advice);
}

/** @param choice media.camera or media.microphone */
export function judgeCaptureDevices(what: 'camera' | 'microphone', names: readonly string[], choice: string): CheckOutcome {
  const found = names.length === 0 ? `No ${what} was found` : `Found: ${names.join(', ')}`;
  if (choice === 'none' || choice === 'test' || choice.startsWith('file:'))
    return ok(`${found}; media.${what} is ${choice.startsWith('file:') ? 'a file' : choice}.`);
  if (names.length > 0) return ok(`${found}.`);
  return warn(
    `${found}; ${choice === 'auto' ? 'a call goes on without it' : 'the configured one cannot be there'}.`,
    `Plug in a ${what}, and see that this user may open it.`
  );
}
