// A PIN as it is kept: argon2id (RFC 9106) in the PHC string format, with parameters of its own in each, so that they can be raised later
// (docs/adr/0030-pin-and-sessions.md). It is computed off the main thread: a call goes on.
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { CloisterError } from '../kernel/errors.ts';

export type HashCost = { readonly memoryKib: number; readonly passes: number };

/** 0.25 to 0.3 s on a small machine; OWASP asks for 19 MiB and two passes at least. */
export const HASH_COST: HashCost = { memoryKib: 65_536, passes: 3 };

/** What a file that somebody changed may make us compute at most. */
const MOST_MEMORY_KIB = 1_048_576;
const MOST_PASSES = 16;
const LEAST_MEMORY_KIB = 8;
const SALT_BYTES = 16;
const TAG_BYTES = 32;
const FORM = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=1\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/;

const derive = promisify(argon2);
const unpadded = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '');

function tagOf(pin: string, salt: Uint8Array, { memoryKib, passes }: HashCost): Promise<Buffer> {
  return derive('argon2id', { message: Buffer.from(pin, 'utf8'), nonce: salt, parallelism: 1, tagLength: TAG_BYTES, memory: memoryKib, passes });
}

type Parsed = { readonly cost: HashCost; readonly salt: Uint8Array; readonly tag: Uint8Array };

function parse(text: string): Parsed | null {
  const [, memory, passes, salt = '', tag = ''] = FORM.exec(text) ?? [];
  const cost = { memoryKib: Number(memory), passes: Number(passes) };
  const payable = cost.memoryKib >= LEAST_MEMORY_KIB && cost.memoryKib <= MOST_MEMORY_KIB && cost.passes >= 1 && cost.passes <= MOST_PASSES;
  return payable ? { cost, salt: Buffer.from(salt, 'base64'), tag: Buffer.from(tag, 'base64') } : null;
}

export const isPinHash = (text: string): boolean => parse(text) !== null;

/** `$argon2id$v=19$m=65536,t=3,p=1$SALT$HASH` */
export async function hashPin(pin: string, cost: HashCost = HASH_COST): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const tag = await tagOf(pin, salt, cost);
  return `$argon2id$v=19$m=${cost.memoryKib},t=${cost.passes},p=1$${unpadded(salt)}$${unpadded(tag)}`;
}

/** Takes as long for a wrong PIN as for the right one. @throws CloisterError CL_PIN_UNREADABLE where `kept` is not what hashPin made */
export async function verifyPin(pin: string, kept: string): Promise<boolean> {
  const parsed = parse(kept);
  if (parsed === null) throw new CloisterError('CL_PIN_UNREADABLE');
  return timingSafeEqual(await tagOf(pin, parsed.salt, parsed.cost), parsed.tag);
}
