// A tar archive of a few small files in memory (POSIX.1-1988 ustar, as in IEEE Std 1003.1 "pax": ustar interchange format). Writing only; pure.
import { CloisterError } from '../kernel/errors.ts';

export type TarFile = { readonly name: string; readonly content: Uint8Array };

const BLOCK_BYTES = 512;
const MODE = 0o600;
const MOST_BYTES = 0o77777777777;

/** Octal digits, padded with zeros and ended by a NUL. */
const octal = (value: number, width: number): string =>
  `${Math.floor(value)
    .toString(8)
    .padStart(width - 1, '0')}\0`;

/** Nobody's own names: the archive tells nothing of who made it. */
function header(name: string, bytes: number, atMs: number): Uint8Array {
  const block = Buffer.alloc(BLOCK_BYTES);
  const put = (offset: number, text: string): void => void block.write(text, offset, 'latin1');
  put(0, name);
  put(100, octal(MODE, 8));
  put(108, octal(0, 8));
  put(116, octal(0, 8));
  put(124, octal(bytes, 12));
  put(136, octal(Math.max(0, atMs / 1000), 12));
  // The sum is counted with spaces in its own place.
  put(148, '        ');
  put(156, '0');
  put(257, 'ustar\x0000');
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}

/**
 * @param atMs the time that every file has
 * @throws CloisterError CL_INTERNAL for a name that the format cannot hold, or that leads out of the folder
 */
export function tarOf(files: readonly TarFile[], atMs: number): Uint8Array {
  const blocks = files.flatMap(({ name, content }) => {
    if (!/^[A-Za-z0-9][A-Za-z0-9._/-]{0,98}$/.test(name) || name.includes('..') || content.length > MOST_BYTES) {
      throw new CloisterError('CL_INTERNAL', 'a file has a name or size that an archive cannot hold');
    }
    const padding = (BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES;
    return [header(name, content.length, atMs), content, new Uint8Array(padding)];
  });
  return Buffer.concat([...blocks, new Uint8Array(2 * BLOCK_BYTES)]);
}
