// Reads a .tar.gz as a program that is not ours would: header by header, with its sums checked. For reports in tests.
import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';

export type UntarredFile = { readonly name: string; readonly mode: number; readonly text: string };

export function untar(archive: Uint8Array): UntarredFile[] {
  const bytes = gunzipSync(archive);
  const files: UntarredFile[] = [];
  let at = 0;
  while (bytes[at] !== 0) {
    const header = Buffer.from(bytes.subarray(at, at + 512));
    const field = (offset: number, length: number): string => header.toString('latin1', offset, offset + length).replace(/[\0 ].*$/s, '');
    assert.equal(header.toString('latin1', 257, 265), 'ustar\x0000');
    const sum = Number.parseInt(field(148, 8), 8);
    header.fill(' ', 148, 156);
    assert.equal(
      header.reduce((total, byte) => total + byte, 0),
      sum
    );
    const size = Number.parseInt(field(124, 12), 8);
    files.push({ name: field(0, 100), mode: Number.parseInt(field(100, 8), 8), text: bytes.toString('utf8', at + 512, at + 512 + size) });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  assert.deepEqual([bytes.length - at, bytes.subarray(at).every((byte) => byte === 0)], [1024, true]);
  return files;
}
