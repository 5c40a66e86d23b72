// The last line of defence: secrets are not to be logged in the first place (kernel/log.ts); what gets here all the same is replaced.
// Pure. Rather too much is taken out than too little: a thumbprint looks like a nonce and goes too. Each pattern takes time linear in the text, which is bounded besides.
import type { LogFields } from '../kernel/log.ts';

const REDACTED = '[redacted]';

/** Fields whose value is never shown, whatever it is. `code` alone is an error's code. */
const SECRET_NAME =
  /nonce|secret|passw|pwd|passphrase|credential|ticket|token|authorization|cookie|private|sdp|ufrag|^pem$|pem$|^key$|key(?:pem|data|bytes|material)?$|(?:security|pairing)-?_?code|^pin$/i;

export const isSecretName = (name: string): boolean => SECRET_NAME.test(name);

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
  /(?<![\w-])eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g,
  // Who and how of an address: user:password@.
  /(?<=:\/\/)[^\s/?#@"]{1,256}@/g,
  // What somebody wrote after a secret's name: "token=x", "password: x", `"pin": "x"`.
  /\b(?:pin|pwd|passw(?:or)?d|passphrase|secret|token|ticket|credentials?|authorization)["']?\s{0,3}[:=]\s{0,3}(?:bearer\s|basic\s)?["']?[^\s"',;&)]+/gi,
  // A PIN as people say it: "the PIN is 394715", "PIN 394 715".
  /\bpin\b[^\d\n"]{0,20}\d(?:[ -]?\d){5,11}(?!\d)/gi,
  // A PIN as argon2 keeps it.
  /\$argon2[a-z]{1,2}\$[\w$=,+/-]+/g
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

const MAX_DEPTH = 12;
const MAX_ENTRIES = 2000;

/** A JSON value without secrets, by the names and by the form of what it holds; what is too deep or too long is cut. */
export function redactDocument(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'number' || typeof value === 'boolean' ? value : null;
  if (depth >= MAX_DEPTH) return REDACTED;
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map((entry) => redactDocument(entry, depth + 1));
  const shown = Object.entries(value)
    .slice(0, MAX_ENTRIES)
    .filter(([, entry]) => entry !== undefined)
    .map(([name, entry]): [string, unknown] => {
      // Whether there is none is worth knowing, and no secret.
      const hidden = SECRET_NAME.test(name) && entry !== null;
      return [redactText(name), hidden ? REDACTED : redactDocument(entry, depth + 1)];
    });
  return Object.fromEntries(shown);
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
