// The start-up check of the ICE stack: it passes what is installed, and notices each member that is gone, renamed or of another kind.
import assert from 'node:assert/strict';
import { Connection } from 'werift';
import { checkIceSeam, checkRelaySeam, checkSocketSeam, iceSeams } from '../../../../src/media/path/ice-seam.ts';

const checks = { connection: checkIceSeam, socket: checkSocketSeam, relay: checkRelaySeam };
const values = { array: [], function: () => {}, string: '', bigint: 0n, object: {}, present: undefined };
type Node = { [name: string]: unknown };

/** An object with all that a table names, but for one member. */
function stub(seam: Readonly<Record<string, keyof typeof values>>, without: string | null, instead?: unknown): Node {
  const root: Node = {};
  for (const [path, kind] of Object.entries(seam)) {
    if (path === without && instead === undefined) continue;
    const names = path.split('.');
    let parent = root;
    for (const name of names.slice(0, -1)) {
      parent[name] ??= {};
      parent = parent[name] as Node;
    }
    parent[names.at(-1) ?? ''] = path === without ? instead : values[kind];
  }
  return root;
}

describe('the seam to the ICE stack', () => {
  it('is that of the installed stack', () => {
    for (const controlling of [true, false]) checkIceSeam(new Connection(controlling));
  });

  for (const name of [...new Set(Object.keys(iceSeams.connection).map((path) => path.split('.')[0] ?? ''))]) {
    it(`is not that of a stack without connection.${name}`, () => {
      const renamed = new Proxy(new Connection(true), {
        has: (target, key) => key !== name && Reflect.has(target, key),
        get: (target, key) => (key === name ? undefined : Reflect.get(target, key))
      });
      assert.throws(() => checkIceSeam(renamed), { code: 'CL_INTERNAL', message: new RegExp(`no .*\\b${name}\\b.* in its connection`) });
    });
  }

  for (const kind of ['connection', 'socket', 'relay'] as const) {
    const seam = iceSeams[kind];
    it(`of a ${kind} is whole with all members, and with none of them missing or of another kind`, () => {
      checks[kind](stub(seam, null));
      for (const [path, expected] of Object.entries(seam)) {
        const noticed = { code: 'CL_INTERNAL', message: `the ICE stack is not the one that was tried: no ${path} in its ${kind}` };
        assert.throws(() => checks[kind](stub(seam, path)), noticed, `${path} is missing`);
        if (expected !== 'present') assert.throws(() => checks[kind](stub(seam, path, Symbol('of another kind'))), noticed, `${path} is of another kind`);
      }
    });
  }
});
