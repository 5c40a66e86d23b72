import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { RULE_NAMES, type SourceFile, violations } from './rules.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

function repository(): SourceFile[] {
  return ['agent', 'src', 'test', 'bench'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => ({ path: relative(ROOT, path).split(sep).join('/'), text: readFileSync(path, 'utf8') }))
  );
}

describe('architecture', () => {
  it('of this repository keeps every rule', () => {
    const files = repository();
    assert.ok(files.length > 50, `only ${files.length} files were read`);
    const report = violations(files).map(({ file, line, rule, text }) => `${file}:${line} ${rule}: ${text}`);
    assert.equal(report.length, 0, `\n${report.join('\n')}\n`);
  });
});

/** The rules that a file with this text breaks, at their lines. */
const broken = (path: string, text: string, ...others: SourceFile[]): string[] =>
  violations([{ path, text: `// Why.\n${text}` }, ...others.map((file) => ({ ...file, text: `// Why.\n${file.text}` }))]).map(
    ({ rule, line }) => `${rule}@${line}`
  );

type Sample = {
  readonly rule: string;
  readonly breaks: readonly (readonly [path: string, text: string])[];
  readonly keeps: readonly (readonly [path: string, text: string])[];
};

const SAMPLES: readonly Sample[] = [
  {
    rule: 'kernel-imports-nothing',
    breaks: [
      ['src/kernel/a.ts', `import type { KeyObject } from 'node:crypto';`],
      ['src/kernel/a.ts', `import type { A } from '../call/a.ts';`]
    ],
    keeps: [['src/kernel/a.ts', `import { ok } from './result.ts';`]]
  },
  {
    rule: 'pure-code',
    breaks: [
      ['src/call/a.ts', `import { readFileSync } from 'node:fs';`],
      ['src/call/a.ts', `import { randomBytes } from 'node:crypto';`],
      ['src/encryption/a.ts', `import { createSocket } from 'node:dgram';`],
      ['src/config/a.ts', `import { readFile } from 'node:fs/promises';`],
      ['src/room/a.ts', 'const now = Date.now();'],
      ['src/room/a.ts', 'const now = new Date();'],
      ['src/room/a.ts', 'const now = new Date;'],
      ['src/policy/a.ts', 'export const wait = () => setTimeout(run, 5);'],
      ['src/policy/a.ts', 'export const t = performance.now();'],
      ['src/media/rtp/a.ts', 'const r = Math.random();'],
      ['src/media/peer/sdp.ts', 'console.log(1);'],
      ['src/call/a.ts', 'const e = process.env;'],
      ['src/kernel/backoff.ts', 'const t = Date.now();'],
      ['src/call/a.ts', `import { systemClock } from '../kernel/clock.ts';`]
    ],
    keeps: [
      ['src/call/a.ts', '// Date.now() and setTimeout belong to the caller\nconst text = "Date.now()";'],
      ['src/call/a.ts', 'const at = new Date(nowMs).toISOString(); const clock = { now: () => 1 }; clock.now();'],
      ['src/encryption/a.ts', `import { createHash } from 'node:crypto';`],
      ['src/config/schema.ts', `import * as z from 'zod';`],
      ['src/config/atomic-file.ts', `import { open } from 'node:fs/promises';`],
      ['src/config/kept-file.ts', `import { rename } from 'node:fs/promises';`],
      ['src/call/a.ts', `import type { KeyObject } from 'node:crypto';`],
      ['src/kernel/clock.ts', 'export const now = () => Date.now();']
    ]
  },
  {
    rule: 'folder-boundary',
    breaks: [
      ['src/call/a.ts', `import { b } from '../identity/names.ts';`],
      ['src/call/a.ts', `import { type B } from '../identity/names.ts';`],
      ['src/signaling/a.ts', `const b = await import('../identity/names.ts');`],
      ['src/ui/panel/a.ts', `import { b } from '../../signaling/port.ts';`],
      ['src/ui/panel/a.ts', `import { b } from '../../media/client.ts';`],
      ['src/media/client.ts', `import { b } from '../encryption/security-code.ts';`],
      ['src/media/a.ts', `import type { B } from '../../agent/room.ts';`],
      ['src/health/a.ts', `import { fake } from '../../test/fakes/clock.ts';`]
    ],
    keeps: [
      ['src/call/a.ts', `import type { B } from '../identity/names.ts';`],
      ['src/signaling/a.ts', `import { names } from '../identity/port.ts';`],
      ['src/signaling/a.ts', `import { ok } from '../kernel/result.ts';`],
      ['src/media/source/a.ts', `import { b } from '../rtp/b.ts';`],
      ['src/media/process.ts', `import { b } from '../encryption/security-code.ts';`],
      ['agent/compose.ts', `import { b } from '../src/media/client.ts';`],
      ['src/ui/display/a.ts', `import { decodeFeedFrame } from '../../media/display-feed/protocol.ts';`],
      ['test/unit/a.test.ts', `import { b } from '../../src/media/client.ts';`]
    ]
  },
  {
    rule: 'no-strangers',
    breaks: [
      ['src/ui-server/a.ts', `import type { B } from '../media/port.ts';`],
      ['src/ui-server/a.ts', `import { b } from '../devices/port.ts';`],
      ['src/fleet/a.ts', `import type { B } from '../devices/port.ts';`]
    ],
    keeps: [['src/ui-server/a.ts', `import type { RoomState } from '../room/state.ts';`]]
  },
  {
    rule: 'agent-imports-no-tests',
    breaks: [['agent/a.ts', `import { fake } from '../test/fakes/clock.ts';`]],
    keeps: [
      ['agent/a.ts', `import { b } from './commands/b.ts';`],
      ['agent/commands/a.ts', `const p = await import('../../package.json', { with: { type: 'json' } });`]
    ]
  },
  {
    rule: 'package-home',
    breaks: [
      ['src/call/a.ts', `import type { RTCPeerConnection } from 'werift';`],
      ['agent/a.ts', `import { connect } from 'mqtt';`],
      ['src/ui-server/a.ts', `import { WebSocketServer } from 'ws';`],
      ['src/health/a.ts', `import si from 'left-pad';`],
      ['src/call/a.ts', `import { x } from '@peculiar/x509';`],
      ['src/ui/panel/a.ts', `import { build } from 'vite';`],
      ['src/devices/a.ts', `const av = await import('node-av/api');`]
    ],
    keeps: [
      ['src/media/path/ice-path.ts', `import { Connection } from 'werift';`],
      ['src/ui/a.ts', `import { Call } from '@fluentui/react-icons/svg/call';`],
      ['test/a.ts', `import { chromium } from 'playwright-core';`]
    ]
  },
  {
    rule: 'pages-run-in-a-browser',
    breaks: [['src/ui/shared/a.ts', `import { join } from 'node:path';`]],
    keeps: [['src/ui/build.ts', `import { join } from 'node:path';`]]
  },
  {
    rule: 'no-computed-import',
    breaks: [['agent/a.ts', 'const b = await import(name);']],
    keeps: [['agent/a.ts', `const b = await import('./b.ts');`]]
  },
  {
    rule: 'no-barrel',
    breaks: [
      ['src/call/index.ts', 'export const a = 1;'],
      ['src/ui/panel/index.tsx', 'export const a = 1;'],
      ['src/call/a.ts', `export * from './b.ts';`],
      ['src/call/a.ts', `export { b } from './b.ts';`]
    ],
    keeps: [['src/call/a.ts', 'const b = 1;\nexport { b };']]
  },
  {
    rule: 'no-default-export',
    breaks: [
      ['src/call/a.ts', 'export default class A {}'],
      ['test/a.ts', 'const a = 1;\nexport { a as default };']
    ],
    keeps: [['src/call/a.ts', '// export default\nexport const a = "export default";']]
  },
  {
    rule: 'no-module-state',
    breaks: [
      ['src/health/a.ts', 'let last = 0;'],
      ['src/health/a.ts', 'export var last;'],
      ['src/health/a.ts', 'const cache = new Map<string, number>();'],
      ['src/health/a.ts', 'const seen: WeakSet<object> = new WeakSet();'],
      ['src/health/a.ts', 'const list: string[] = [];'],
      ['src/health/a.ts', 'const table = new Map([[1, 2]]);\nexport const put = () => table.set(1, 3);'],
      ['src/health/a.ts', 'const counts = { a: 0 };\nexport const more = () => counts.a++;'],
      ['src/health/a.ts', 'const counts = { a: 0 };\nexport const more = (k: "a") => { counts[k] = 1; };']
    ],
    keeps: [
      ['src/health/a.ts', 'export function f(): number {\n  let last = 0;\n  const map = new Map();\n  map.set(1, 2);\n  return last;\n}'],
      ['src/health/a.ts', 'const TABLE: ReadonlySet<number> = new Set([1, 2]);\nexport const has = (n: number) => TABLE.has(n);'],
      ['src/health/a.ts', 'const TABLE = { a: 1 } as const;\nexport const is = (n: number) => TABLE.a === n && ((x) => TABLE.a >= x);'],
      ['test/a.ts', 'let last = 0;']
    ]
  },
  {
    rule: 'no-any',
    breaks: [
      ['src/call/a.ts', 'const a: any = 1;'],
      ['src/call/a.ts', 'const a = b as any;'],
      ['src/call/a.ts', 'const a: Promise<any> = b;'],
      ['src/call/a.ts', 'const a: Record<string, any> = b;'],
      ['src/call/a.ts', 'const a: Map<string, any[]> = b;'],
      ['src/call/a.ts', 'const a = (b: any[], c: string | any) => 1;'],
      ['test/a.ts', 'type A<T extends any> = T;'],
      ['src/ui/a.tsx', 'const a = (b: any) => <p>{b}</p>;']
    ],
    keeps: [
      ['src/call/a.ts', '// as any\nconst s = AbortSignal.any([]); const t = "as any"; const many: Many = 1; const o = { any: 1 };'],
      ['src/call/a.ts', 'const f = (any) => Buffer.from(any); g((at, any) => h(any, at));'],
      ['src/ui/a.tsx', 'const a = <p>In any room, any time</p>;']
    ]
  },
  {
    rule: 'no-root-hook',
    breaks: [
      ['test/unit/call/a.test.ts', 'let a = 0;\nbeforeEach(() => {\n  a = 1;\n});'],
      ['test/unit/call/a.test.ts', `describe('a', () => {});\nafterEach(() => close());`],
      ['test/unit/call/a.test.ts', 'before(open);'],
      ['test/unit/call/a.test.ts', 'after(async () => {\n  await close();\n});'],
      ['test/unit/call/a.test.ts', `it('is', () => {});`],
      ['test/unit/call/a.test.ts', `it.only('is', () => {});`]
    ],
    keeps: [
      ['test/unit/call/a.test.ts', `describe('a', () => {\n  beforeEach(open);\n  afterEach(() => close());\n  it('is', () => {});\n});`],
      ['test/unit/call/a.test.ts', '// beforeEach(open)\nconst text = `\nbeforeEach(open);\nit(1);\n`;\nconst itIs = 1;'],
      ['test/integration/a.test.ts', 'before(open);'],
      ['test/unit/call/world.ts', 'after(1);']
    ]
  },
  {
    rule: 'file-name',
    breaks: [
      ['src/call/callMachine.ts', ''],
      ['src/call/utils.ts', ''],
      ['src/helpers/a.ts', '']
    ],
    keeps: [['test/unit/call/call-machine.test.ts', '']]
  }
];

describe('architecture: rules', () => {
  for (const { rule, breaks, keeps } of SAMPLES) {
    it(`${rule} catches what breaks it, and nothing else`, () => {
      for (const [path, text] of breaks)
        assert.ok(
          broken(path, text).some((found) => found.startsWith(`${rule}@`)),
          `not caught: ${path}: ${text}`
        );
      for (const [path, text] of keeps) assert.deepEqual(broken(path, text), [], `${path}: ${text}`);
    });
  }

  it('opening-comment wants one to five lines', () => {
    const check = (text: string) => violations([{ path: 'src/call/a.ts', text }]).map((found) => found.rule);
    assert.deepEqual(check('export const a = 1;'), ['opening-comment']);
    assert.deepEqual(check(`${'// x\n'.repeat(6)}export const a = 1;`), ['opening-comment']);
    assert.deepEqual(check(`${'// x\n'.repeat(5)}export const a = 1;`), []);
    assert.deepEqual(violations([{ path: 'agent/a.ts', text: '#!/usr/bin/env node\n// x\n' }]), []);
  });

  it('no-cycle finds cycles of values and types, once each', () => {
    const file = (name: string, text: string): SourceFile => ({ path: `src/call/${name}.ts`, text });
    assert.deepEqual(
      broken('src/call/a.ts', `import { b } from './b.ts';`, file('b', `import type { C } from './c.ts';`), file('c', `import { a } from './a.ts';`)),
      ['no-cycle@2']
    );
    assert.deepEqual(broken('src/call/a.ts', `import { a } from './a.ts';`), ['no-cycle@2']);
    assert.deepEqual(
      broken('src/call/a.ts', `import { b } from './b.ts';\nimport { c } from './c.ts';`, file('b', `import { c } from './c.ts';`), file('c', '')),
      []
    );
  });

  it('readable: what cannot be scanned is a failure', () => {
    assert.deepEqual(broken('src/call/a.ts', 'const a = `b'), ['readable@1']);
  });

  it('names file, line and rule', () => {
    const [first] = violations([{ path: 'src/devices/a.ts', text: `// Why.\n\nimport { connect } from 'mqtt';` }]);
    assert.deepEqual([first?.file, first?.line, first?.rule], ['src/devices/a.ts', 3, 'package-home']);
  });

  it('each rule has a sample', () => {
    assert.deepEqual([...RULE_NAMES].sort(), [...SAMPLES.map((sample) => sample.rule), 'opening-comment', 'no-cycle', 'readable'].sort());
  });
});
