// How much is left of a certificate's validity. Pure.
import type { CertificateView } from '../../../../room/state.ts';

const DAY_MS = 86_400_000;
/** As the room warns: a month before, and three days before it is too late (CL_CERTIFICATE_EXPIRES). */
const WARNING_DAYS = 30;
const LAST_DAYS = 3;

type Validity = {
  /** Whole ones; below 0 once it has expired. */
  readonly daysLeft: number;
  /** 0 to 1 of the whole. */
  readonly partLeft: number;
  readonly severity: 'good' | 'warning' | 'bad';
};

export function validityOf({ notBefore, notAfter }: Pick<CertificateView, 'notBefore' | 'notAfter'>, now: number): Validity {
  const [begin, end] = [Date.parse(notBefore), Date.parse(notAfter)];
  const daysLeft = Math.floor((end - now) / DAY_MS);
  const partLeft = Math.min(1, Math.max(0, (end - now) / Math.max(1, end - begin)));
  return { daysLeft, partLeft, severity: daysLeft < LAST_DAYS ? 'bad' : daysLeft < WARNING_DAYS ? 'warning' : 'good' };
}
