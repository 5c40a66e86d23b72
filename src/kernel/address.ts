// Account addresses (protocol.md "Names"): boardroom@contoso.example, lower case.
import { CloisterError } from './errors.ts';
import { err, ok, type Result } from './result.ts';

export type Address = { readonly account: string; readonly local: string; readonly organisation: string };

const LOCAL = /^[a-z0-9._-]{1,64}$/;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Whether it is an account as messages and certificates write it. */
export function isAccount(text: string): boolean {
  const parsed = parseAddress(text);
  return parsed.ok && parsed.value.account === text;
}

/** Parses an address as a person types it: blanks around it and capitals are forgiven, anything else is CL_ADDRESS_INVALID. */
export function parseAddress(text: string): Result<Address> {
  // ASCII only: KELVIN SIGN, too, has a lower case k.
  const account = text.trim().replace(/[A-Z]/g, (capital) => capital.toLowerCase());
  const at = account.indexOf('@');
  const local = account.slice(0, at);
  const organisation = account.slice(at + 1);
  const labels = organisation.split('.');
  const valid = at > 0 && account.length <= 254 && LOCAL.test(local) && labels.length >= 2 && labels.every((label) => LABEL.test(label));
  if (!valid) return err(new CloisterError('CL_ADDRESS_INVALID'));
  return ok({ account, local, organisation });
}
