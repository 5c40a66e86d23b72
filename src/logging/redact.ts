// The last line of defence: secrets are not to be logged in the first place (kernel/log.ts); what gets here all the same is replaced.
// Pure. Rather too much is taken out than too little: a thumbprint looks like a nonce and goes too. Each pattern takes time linear in the text, which is bounded besides.
import type { LogFields } from '../kernel/log.ts';

const REDACTED = '[redacted]';

/** Fields whose value is never shown, whatever it is. `code` alone is an error's code. */
const SECRET_NAME =
  /nonce|secret|passw|pwd|passphrase|credential|ticket|token|authorization|cookie|private|sdp|ufrag|^pem$|pem$|^key$|key(?:pem|data|bytes|material)?$|(?:security|pairing)-?_?code|^pin$/i;

const SECRET_VALUES: readonly RegExp[] = [
  // A private key in PEM (RFC 7468), cut off or whole, also with its line ends escaped.
  /-----BEGIN [A-Z0-9 ]{0,40}KEY[A-Z0-9 ]{0,20}-----(?:[^-]|-(?!-{4}))*(?:-----END [A-Z0-9 ]{0,60}-----)?/g,
  // A security code: four groups of five digits, or twenty digits (call-security.md "The code").
  /(?<!\d)\d{5}(?:[\s\u00a0.,_-]{0,3}\d{5}){3}(?!\d)/g,
  // 32 bytes in hex: a nonce, a commitment, a key.
  /(?<![0-9a-f])[0-9a-f]{64,}(?![0-9a-f])/gi,
  // 32 bytes in base64 or base64url: a display's ticket, a key.
  /(?<![\w+/-])[\w+/-]{43}=?(?![\w+/=-])/g,
  // ICE credentials within SDP (RFC 8839 section 5.4), and the same in quotes.
  /ice-(?:pwd|ufrag)["']?\s*[:=]\s*["']?[\w+/-]+/gi,
  // A signed message: its payload holds SDP and nonces.
  /(?<![\w-])eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g
];

const MAX_TEXT_CHARACTERS = 4096;
const MAX_LOOKED_AT_CHARACTERS = 65_536;

/** The text without what looks like a secret, at most 4,096 characters of it. */
export function redactText(text: string): string {
  const redacted = SECRET_VALUES.reduce((result, pattern) => result.replace(pattern, REDACTED), text.slice(0, MAX_LOOKED_AT_CHARACTERS));
  if (redacted.length > MAX_TEXT_CHARACTERS) return `${redacted.slice(0, MAX_TEXT_CHARACTERS)}…`;
  // Nearly all of it was secret, and its last secret may have been cut in two, so that it does not look like one.
  return text.length > MAX_LOOKED_AT_CHARACTERS ? REDACTED : redacted;
}

/** The fields without secrets and without those that are undefined. */
export function redactFields(fields: LogFields): LogFields {
  const shown: [string, string | number | boolean][] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (SECRET_NAME.test(name)) shown.push([name, REDACTED]);
    else shown.push([name, typeof value === 'string' ? redactText(value) : value]);
  }
  return Object.fromEntries(shown);
}
