import assert from 'node:assert/strict';
import { cpioArchive } from '../../lab/cpio.ts';

describe('lab: cpio archive', () => {
  it('has each entry at a multiple of four bytes, with its mode, name and content', () => {
    const archive = cpioArchive(
      ['lab'],
      [
        { path: 'init', content: Buffer.from('hello'), executable: true },
        { path: 'lab/a', content: Buffer.alloc(0) }
      ]
    );
    const found: { name: string; mode: string; content: string }[] = [];
    for (let at = 0; at < archive.length; ) {
      const field = (index: number): number => Number.parseInt(archive.toString('latin1', at + 6 + 8 * index, at + 14 + 8 * index), 16);
      assert.equal(archive.toString('latin1', at, at + 6), '070701');
      const name = archive.toString('utf8', at + 110, at + 110 + field(11) - 1);
      const content = at + Math.ceil((110 + field(11)) / 4) * 4;
      found.push({ name, mode: field(1).toString(8), content: archive.toString('utf8', content, content + field(6)) });
      at = content + Math.ceil(field(6) / 4) * 4;
    }
    assert.deepEqual(found, [
      { name: 'lab', mode: '40755', content: '' },
      { name: 'init', mode: '100755', content: 'hello' },
      { name: 'lab/a', mode: '100644', content: '' },
      { name: 'TRAILER!!!', mode: '0', content: '' }
    ]);
  });
});
