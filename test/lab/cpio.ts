// Archives that Linux unpacks as its initial root file system: the "newc" format of cpio (Documentation/driver-api/early-userspace/buffer-format.rst). Pure.

export type ArchiveFile = { readonly path: string; readonly content: Uint8Array; readonly executable?: boolean };

const DIRECTORY = 0o040755;
const FILE = 0o100644;
const PROGRAM = 0o100755;

/** @param folders are made in this order, before the files */
export function cpioArchive(folders: readonly string[], files: readonly ArchiveFile[]): Buffer {
  const entries = [
    ...folders.map((path) => ({ path, mode: DIRECTORY, content: new Uint8Array() })),
    ...files.map(({ path, content, executable }) => ({ path, mode: executable === true ? PROGRAM : FILE, content })),
    { path: 'TRAILER!!!', mode: 0, content: new Uint8Array() }
  ];
  return Buffer.concat(entries.flatMap((entry, index) => cpioEntry(index + 1, entry)));
}

function cpioEntry(inode: number, entry: { readonly path: string; readonly mode: number; readonly content: Uint8Array }): Uint8Array[] {
  const name = Buffer.from(`${entry.path}\0`);
  // inode, mode, owner, group, links, time, size, four device numbers, length of the name, checksum
  const numbers = [inode, entry.mode, 0, 0, 1, 0, entry.content.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}`);
  return [header, name, padding(header.length + name.length), entry.content, padding(entry.content.length)];
}

const padding = (length: number): Uint8Array => new Uint8Array((4 - (length % 4)) % 4);
