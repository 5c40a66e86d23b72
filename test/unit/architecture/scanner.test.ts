import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { lineAt, scan } from './scanner.ts';

const imports = (source: string) => scan(source).imports.map(({ kind, specifier, typeOnly }) => [kind, specifier, typeOnly]);

describe('architecture: scanner', () => {
  it('finds every form of import', () => {
    assert.deepEqual(imports(`import a from './a.ts';`), [['static', './a.ts', false]]);
    assert.deepEqual(imports(`import * as b from "b";`), [['static', 'b', false]]);
    assert.deepEqual(imports(`import './side-effect.ts';`), [['static', './side-effect.ts', false]]);
    assert.deepEqual(imports(`import{a}from'./a.ts';`), [['static', './a.ts', false]]);
    assert.deepEqual(imports(`import {\n  a,\n  type B,\n  c as d\n} from './a.ts';`), [['static', './a.ts', false]]);
    assert.deepEqual(imports(`const x = await import('node-av');`), [['dynamic', 'node-av', false]]);
    assert.deepEqual(imports('const x = await import(name);'), [['dynamic', null, false]]);
    assert.deepEqual(imports(`export { a } from './a.ts';\nexport * from './b.ts';\nexport * as c from './c.ts';`), [
      ['reexport', './a.ts', false],
      ['reexport', './b.ts', false],
      ['reexport', './c.ts', false]
    ]);
  });

  it('tells type imports from value imports', () => {
    assert.deepEqual(imports(`import type { A } from './a.ts';`), [['static', './a.ts', true]]);
    assert.deepEqual(imports(`import type A from './a.ts';`), [['static', './a.ts', true]]);
    assert.deepEqual(imports(`import type * as a from './a.ts';`), [['static', './a.ts', true]]);
    assert.deepEqual(imports(`export type { A } from './a.ts';`), [['reexport', './a.ts', true]]);
    // Node keeps the import of the module when only its names are types.
    assert.deepEqual(imports(`import { type A } from './a.ts';`), [['static', './a.ts', false]]);
    assert.deepEqual(imports(`import type from './a.ts';`), [['static', './a.ts', false]]);
    assert.deepEqual(imports(`import { type } from './a.ts';`), [['static', './a.ts', false]]);
  });

  it('is not taken in by what only looks like an import', () => {
    assert.deepEqual(imports(`// import a from 'a';\n/* import b from 'b'; */`), []);
    assert.deepEqual(imports(`const s = "import a from 'a'"; const t = 'export * from "x"';`), []);
    assert.deepEqual(imports("const s = `import a from 'a' ${`${1}`} import b from 'b'`;"), []);
    assert.deepEqual(imports(`const r = /import a from 'a'/.test(x); const q = [/['"]import 'b'/];`), []);
    assert.deepEqual(imports(`x.import('a'); const o = { import: 'a' }; import.meta.resolve('b');`), []);
    assert.deepEqual(imports('export const a = 1; export { a };'), []);
  });

  it('sees what comes after tricky text', () => {
    const tricky = [
      'const half = a / b / c; ',
      'const r = /[/\'"`]/g; ',
      'const t = `a ${x ? `b ${{ y: 1 }.y}` : "}"} c`; ',
      "const s = 'it\\'s'; ",
      'const u = "//"; ',
      'const v = 1; // `',
      '/* ` " */',
      "const e = <p>don’t, don't</p>;",
      'const f = <a href="x"/>;',
      'const g = <b>1 / 2</b>;',
      '#!/usr/bin/env node'
    ];
    for (const text of tricky) {
      const source = `${text}\nimport { a } from './a.ts';`;
      assert.deepEqual(scan(source).imports, [{ kind: 'static', specifier: './a.ts', typeOnly: false, line: 2 }], text);
    }
    assert.deepEqual(imports("const t = `${await import('x')}`;"), [['dynamic', 'x', false]]);
  });

  it('refuses what it cannot read instead of seeing nothing', () => {
    assert.throws(() => scan("\nconst a = `text\nimport a from 'a';"), /line 2: a template does not end/);
    assert.throws(() => scan('const a = `${b'), /a template does not end/);
    assert.throws(() => scan('/* never'), /a comment does not end/);
  });

  it('keeps length and lines, and finds an import among any mixture of harmless pieces', () => {
    const piece = fc.constantFrom(
      "const a = 'x';",
      'const b = "import";',
      '// comment `\'"',
      '/* a\n b */',
      'const c = `x\n${1 + 1}\ny`;',
      'const d = /[`/]/;',
      'const e = a / b;',
      'f({ g: `${{ h: 1 }.h}` });',
      'export type I = { readonly j: "k" };'
    );
    fc.assert(
      fc.property(fc.array(piece), fc.array(piece), (before, after) => {
        const source = [...before, "import { z } from './z.ts';", ...after].join('\n');
        const scanned = scan(source);
        assert.equal(scanned.code.length, source.length);
        assert.equal(scanned.code.split('\n').length, source.split('\n').length);
        assert.deepEqual(scanned.imports, [
          { kind: 'static', specifier: './z.ts', typeOnly: false, line: before.join('\n').split('\n').length + (before.length > 0 ? 1 : 0) }
        ]);
      })
    );
  });

  it('ends on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('`', '$', '{', '}', "'", '"', '/', '*', '\\', '\n', 'a', ' ', '[', 'import', 'from') }), (source) => {
        try {
          assert.equal(scan(source).code.length, source.length);
        } catch (error) {
          assert.match(String(error), /does not end/);
        }
      })
    );
  });

  it('counts lines from 1', () => {
    assert.equal(lineAt('a\nb\nc', 0), 1);
    assert.equal(lineAt('a\nb\nc', 2), 2);
    assert.equal(lineAt('a\nb\nc', 4), 3);
  });
});
