// The architecture's rules (ARCHITECTURE.md "Rules") as a table of checks over scanned files. Paths are relative to the repository, with slashes.
// A new package, pure file or exception is one line in a table here: that is meant to be noticed in a review.
import { posix } from 'node:path';
import { type ImportStatement, lineAt, scan } from './scanner.ts';

export type SourceFile = { readonly path: string; readonly text: string };
export type Violation = { readonly file: string; readonly line: number; readonly rule: string; readonly text: string };

type ResolvedImport = ImportStatement & { /** The imported file; null for a package, a node: module, and a computed import. */ readonly target: string | null };
type ScannedFile = SourceFile & { readonly code: string; readonly imports: readonly ResolvedImport[] };
type Finding = { readonly line: number; readonly text: string };
type Rule = { readonly name: string; readonly applies: (path: string) => boolean; readonly check: (file: ScannedFile) => Iterable<Finding> };

/** May construct across folders. */
const COMPOSITION_ROOTS = [/^agent\//, /^src\/media\/process\.ts$/];

/** Where each package may be imported, types included. A package that is not here may not be imported at all. */
const PACKAGE_HOMES: Readonly<Record<string, readonly string[]>> = {
  werift: ['src/media/path/'],
  'node-av': ['src/media/'],
  '@livekit/rtc-ffi-bindings': ['src/media/audio/'],
  ws: ['src/media/'],
  'espeak-ng': ['src/speech/'], // GPL: in a process of its own, as NOTICE.md says
  'node-hid': ['src/devices/hid/node-hid.ts'],
  mqtt: ['src/signaling/'],
  aedes: ['src/signaling/'],
  express: ['src/ui-server/'],
  winston: ['src/logging/'],
  systeminformation: ['src/health/'],
  jose: ['src/identity/'],
  '@peculiar/x509': ['src/identity/', 'src/encryption/'],
  'reflect-metadata': ['src/identity/', 'src/encryption/'], // @peculiar/x509 cannot be loaded without it
  rfc6902: ['src/ui-server/', 'src/ui/'],
  zod: [
    'agent/',
    'src/config/',
    'src/people/',
    'src/settings/',
    'src/devices/',
    'src/signaling/',
    'src/ui-server/',
    'src/media/',
    'src/identity/',
    'src/relay/',
    'src/admin/',
    'src/health/'
  ],
  react: ['src/ui/'],
  'react-dom': ['src/ui/'],
  '@fluentui/react-components': ['src/ui/'],
  '@fluentui/react-icons': ['src/ui/'],
  vite: ['src/ui/build.ts'],
  '@vitejs/plugin-react': ['src/ui/build.ts']
};

/** Code that does no I/O and reads no clock, with what it may import beside relative files. */
const PURE: readonly { readonly path: RegExp; readonly imports: readonly string[] }[] = [
  { path: /^src\/kernel\/(?!clock\.ts$)/, imports: [] },
  { path: /^src\/call\//, imports: [] },
  { path: /^src\/room\//, imports: [] },
  { path: /^src\/policy\//, imports: ['zod'] },
  { path: /^src\/encryption\//, imports: ['node:crypto', '@peculiar/x509'] },
  { path: /^src\/config\/(?!(?:load-config|atomic-file|kept-file)\.ts$)/, imports: ['zod'] },
  { path: /^src\/admin\/pin-rules\.ts$/, imports: [] },
  { path: /^src\/admin\/sessions\.ts$/, imports: ['node:crypto'] },
  { path: /^src\/identity\/names\.ts$/, imports: ['node:crypto'] },
  { path: /^src\/signaling\/(?:topics|messages)\.ts$/, imports: ['zod'] },
  { path: /^src\/devices\/(?:device-text|identity|alsa-text|usb-terminals)\.ts$/, imports: ['node:crypto'] },
  { path: /^src\/people\/(?:people-book|recent-call|directory|search|kept-people)\.ts$/, imports: ['zod'] },
  { path: /^src\/settings\/(?:room-settings|daily-wipe|kept-settings)\.ts$/, imports: ['zod'] },
  { path: /^src\/media\/agreement\.ts$/, imports: [] },
  { path: /^src\/media\/(?:rtp|tones)\//, imports: [] },
  { path: /^src\/speech\/spoken-code\.ts$/, imports: [] },
  { path: /^src\/media\/path\/(?:relay\/relay-(?:frames|priority))\.ts$/, imports: [] },
  { path: /^src\/relay\/(?:mint|request-limit)\.ts$/, imports: ['node:crypto'] },
  { path: /^src\/media\/congestion\//, imports: [] },
  { path: /^src\/media\/peer\/(?:missing-packets|repairs|loss-meter|receiver-estimate|peer-packets|peer-streams|sdp|negotiation|write-sdp)\.ts$/, imports: [] },
  { path: /^src\/media\/path\/candidate\.ts$/, imports: ['node:net'] },
  { path: /^src\/media\/secure-transport\/(?!dtls\/connection\.ts$)/, imports: ['node:crypto'] },
  { path: /^src\/media\/source\/(?:picture-health|chosen-devices|away-picture)\.ts$/, imports: [] },
  { path: /^src\/media\/screen\/(?:share-pace|page-parts)\.ts$/, imports: [] },
  { path: /^src\/media\/(?:audio\/level-meter|playout\/(?:sound-buffer|alsa-forms))\.ts$/, imports: [] },
  { path: /^src\/media\/loan\/loan-format\.ts$/, imports: [] },
  { path: /^src\/media\/display-feed\/protocol\.ts$/, imports: [] },
  {
    path: /^src\/devices\/hid\/(?:report-model|report-descriptor|report-codec|usages|telephony-map|telephony|lamp-writer|presence|console|collections|drivers)\.ts$/,
    imports: []
  },
  { path: /^src\/devices\/hid\/(?:report-model|report-descriptor|report-codec|usages|telephony-map|drivers)\.ts$/, imports: [] },
  { path: /^src\/devices\/cameras\/(?:capture-format|v4l2-text|visca)\.ts$/, imports: [] },
  { path: /^src\/devices\/desktop\/desktop-text\.ts$/, imports: [] },
  { path: /^src\/media\/recording\/sealed-recording\.ts$/, imports: ['node:crypto'] },
  { path: /^src\/ui\/display\/playout\.ts$/, imports: [] }
];

const IMPURE =
  /(?<![\w$.])(?:Date\.now|new\s+Date\s*(?:\(\s*\)|(?![\w$\s(]))|(?<!\bnew\s+)Date\s*\(|performance\b(?=\s*\.)|setTimeout|setInterval|setImmediate|queueMicrotask|process\b(?=\s*\.)|console\b(?=\s*\.)|Math\.random|fetch\s*\(|crypto\.(?:getRandomValues|randomUUID)|systemClock|globalThis|WebSocket|XMLHttpRequest|localStorage)(?![\w$])?/g;

/** Feature folders that must not know these others, not even their types. */
const STRANGERS: Readonly<Record<string, readonly string[]>> = { 'ui-server': ['media', 'devices'], fleet: ['media', 'devices'] };

/** The pages run in a browser: from outside they load these alone. */
const FOR_PAGES = [/^src\/kernel\//, /^src\/media\/(?:display-feed\/protocol|playout\/sound-buffer|tones\/tones)\.ts$/];

const isShipped = (path: string): boolean => path.startsWith('src/') || path.startsWith('agent/');
const isFeature = (path: string): boolean => path.startsWith('src/') && !COMPOSITION_ROOTS.some((root) => root.test(path));
const isPage = (path: string): boolean => path.startsWith('src/ui/') && path !== 'src/ui/build.ts';
const everywhere = (): boolean => true;
/** `kernel` for src/kernel/clock.ts; `agent`, `test` for the rest. */
const folderOf = (path: string): string => (path.startsWith('src/') ? path.split('/')[1] : path.split('/')[0]) ?? '';
const isPackage = (specifier: string): boolean => !specifier.startsWith('.') && !specifier.startsWith('node:');
const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

function* matches(file: ScannedFile, pattern: RegExp, text: (found: string) => string): Iterable<Finding> {
  for (const match of file.code.matchAll(pattern)) yield { line: lineAt(file.code, match.index), text: text(match[0].trim()) };
}

const RULES: readonly Rule[] = [
  {
    name: 'kernel-imports-nothing',
    applies: (path) => path.startsWith('src/kernel/'),
    *check(file) {
      for (const { line, specifier, target } of file.imports)
        if (target === null || folderOf(target) !== 'kernel') yield { line, text: `the kernel imports ${specifier ?? 'something computed'}` };
    }
  },
  {
    name: 'pure-code',
    applies: (path) => PURE.some((pure) => pure.path.test(path)),
    *check(file) {
      const allowed = PURE.find((pure) => pure.path.test(file.path))?.imports ?? [];
      for (const { line, specifier, target, typeOnly } of file.imports)
        if (target === null && !typeOnly && !(specifier !== null && allowed.includes(specifier)))
          yield { line, text: `pure code imports ${specifier ?? 'something computed'}` };
      yield* matches(file, IMPURE, (found) => `pure code uses ${found}: hand it in`);
    }
  },
  {
    name: 'folder-boundary',
    applies: isFeature,
    *check(file) {
      const own = folderOf(file.path);
      for (const { line, specifier, target, typeOnly } of file.imports) {
        if (target === null) continue;
        const folder = folderOf(target);
        if (!target.startsWith('src/')) yield { line, text: `src imports ${target}` };
        else if (folder === own || folder === 'kernel' || typeOnly) continue;
        else if (isPage(file.path) ? FOR_PAGES.some((pattern) => pattern.test(target)) : target === `src/${folder}/port.ts`) continue;
        else yield { line, text: `${own} imports values from ${specifier}: only kernel and another folder's port.ts, or import type` };
      }
    }
  },
  {
    name: 'no-strangers',
    applies: (path) => Object.hasOwn(STRANGERS, folderOf(path)) && path.startsWith('src/'),
    *check(file) {
      for (const { line, target } of file.imports)
        if (target !== null && STRANGERS[folderOf(file.path)]?.includes(folderOf(target)))
          yield { line, text: `${folderOf(file.path)} imports ${target}, types included` };
    }
  },
  {
    name: 'agent-imports-no-tests',
    applies: (path) => path.startsWith('agent/'),
    *check(file) {
      for (const { line, target } of file.imports)
        if (target !== null && !isShipped(target) && target !== 'package.json') yield { line, text: `the program imports ${target}` };
    }
  },
  {
    name: 'package-home',
    applies: isShipped,
    *check(file) {
      for (const { line, specifier } of file.imports) {
        if (specifier === null || !isPackage(specifier)) continue;
        const name = packageOf(specifier);
        const homes = PACKAGE_HOMES[name];
        if (homes === undefined) yield { line, text: `${name} has no home: add it to the table, with a reason in docs/adr` };
        else if (!homes.some((home) => file.path.startsWith(home))) yield { line, text: `${name} may be imported in ${homes.join(', ')} only` };
      }
    }
  },
  {
    name: 'pages-run-in-a-browser',
    applies: isPage,
    *check(file) {
      for (const { line, specifier } of file.imports) if (specifier?.startsWith('node:')) yield { line, text: `a page imports ${specifier}` };
    }
  },
  {
    name: 'no-computed-import',
    applies: isShipped,
    *check(file) {
      for (const { line, specifier } of file.imports) if (specifier === null) yield { line, text: 'an import whose module is computed cannot be checked' };
    }
  },
  {
    name: 'no-barrel',
    applies: everywhere,
    *check(file) {
      if (/(^|\/)index\.[cm]?[jt]sx?$/.test(file.path)) yield { line: 1, text: 'name the file after its main export' };
      for (const { line, kind, specifier } of file.imports) if (kind === 'reexport') yield { line, text: `re-exports ${specifier}` };
    }
  },
  {
    name: 'no-default-export',
    applies: everywhere,
    check: (file) =>
      matches(file, /(?<![\w$.])export\s+default\b|(?<![\w$.])export\s*\{[^}]*\bas\s+default\b/g, () => 'a default export has no name of its own')
  },
  {
    // The formatter puts each module-level statement at the start of a line.
    name: 'no-module-state',
    applies: isShipped,
    *check(file) {
      yield* matches(file, /^(?:export\s+)?(?:let|var)\s+[\w$]+/gm, (found) => `${found}: module-level state`);
      for (const match of file.code.matchAll(/^(?:export\s+)?const\s+([\w$]+)\b[^=;]*=\s*(new\s+(?:Weak)?(?:Map|Set)\b[^;]*|\[[^;]*|\{[^;]*)/gm)) {
        const [, name = '', value = ''] = match;
        const line = lineAt(file.code, match.index);
        if (/^(?:new\s+\w+(?:<[^;]*>)?\s*(?:\(\s*\)\s*$|$)|\[\s*\]\s*$|\{\s*\}\s*$)/.test(value))
          yield { line, text: `${name} begins empty: module-level state` };
        const changed = new RegExp(
          `(?<![\\w$.])${name.replaceAll('$', '\\$')}(?:\\.(?:set|add|delete|clear|push|pop|shift|unshift|splice|sort|reverse|fill)\\s*\\(|(?:\\.[\\w$]+|\\[[^\\]]*\\])\\s*(?:[-+*/|&?]{0,2}=(?![=>])|\\+\\+|--))`
        );
        if (changed.test(file.code)) yield { line, text: `${name} is changed: module-level state` };
      }
    }
  },
  {
    name: 'no-any',
    applies: everywhere,
    check: (file) =>
      matches(
        file,
        file.path.endsWith('.tsx')
          ? /(?::\s*|\bas\s+|<)any\b(?=\s*[;,)=>[|&{])/g
          : /(?:[:<|&]\s*|=>\s*|\b(?:as|extends|satisfies|keyof)\s+)any\b(?!\s*[:(?.]|\s*=(?!>|\s))|,\s*any\b(?=\s*(?:\[\s*\]\s*)?>)/g,
        () => 'any: say what it is, or unknown'
      )
  },
  {
    // Unit specs share their processes: a hook at the root runs before each test of every other file. The formatter puts the root's statements at the start of a line.
    name: 'no-root-hook',
    applies: (path) => path.startsWith('test/unit/') && path.endsWith('.test.ts'),
    check: (file) =>
      matches(
        file,
        /^(?:before|after|beforeEach|afterEach|it|specify|setup|teardown|suiteSetup|suiteTeardown|test)(?:\.\w+)?\s*\(/gm,
        (found) => `${found.replace(/\s*\($/, '')} outside a describe`
      )
  },
  {
    name: 'opening-comment',
    applies: isShipped,
    *check(file) {
      const lines = file.text.split('\n');
      const first = lines[0]?.startsWith('#!') ? 1 : 0;
      let length = 0;
      while (lines[first + length]?.startsWith('//')) length++;
      if (length === 0) yield { line: first + 1, text: 'a file opens with why it exists and its invariants' };
      if (length > 5) yield { line: first + 1, text: `the opening comment has ${length} lines; at most five` };
    }
  },
  {
    name: 'file-name',
    applies: everywhere,
    *check(file) {
      for (const part of file.path.split('/')) {
        const name = part.replace(/(\.test|\.d)?\.(ts|tsx)$/, '');
        if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) yield { line: 1, text: `${part} is not kebab-case` };
        if (/^(utils?|helpers?|common|misc)$/.test(name)) yield { line: 1, text: `${part} says nothing: name it after what it does` };
      }
    }
  }
];

/** The names of all rules, those that look at several files at once included. */
export const RULE_NAMES: readonly string[] = [...RULES.map((rule) => rule.name), 'no-cycle', 'readable'];

/**
 * Everything in `files` that breaks a rule, in the order of files and lines.
 * @param files the TypeScript files of agent/, src/, test/ and bench/
 */
export function violations(files: readonly SourceFile[]): Violation[] {
  const found: Violation[] = [];
  const scanned: ScannedFile[] = [];
  for (const file of files) {
    try {
      const { code, imports } = scan(file.text);
      scanned.push({ ...file, code, imports: imports.map((statement) => ({ ...statement, target: resolve(file.path, statement.specifier) })) });
    } catch (error) {
      found.push({ file: file.path, line: 1, rule: 'readable', text: error instanceof Error ? error.message : String(error) });
    }
  }
  for (const file of scanned)
    for (const rule of RULES)
      if (rule.applies(file.path)) for (const { line, text } of rule.check(file)) found.push({ file: file.path, line, rule: rule.name, text });
  found.push(...cycles(scanned));
  return found.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line));
}

function resolve(from: string, specifier: string | null): string | null {
  return specifier?.startsWith('.') ? posix.normalize(posix.join(posix.dirname(from), specifier)) : null;
}

/** Import cycles among files, type imports included: each is reported once, at the import that closes it. */
function* cycles(files: readonly ScannedFile[]): Iterable<Violation> {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const done = new Set<string>();
  function* visit(file: ScannedFile, path: readonly string[]): Iterable<Violation> {
    for (const { line, target } of file.imports) {
      if (target === null) continue;
      const start = path.indexOf(target);
      if (start !== -1) yield { file: file.path, line, rule: 'no-cycle', text: [...path.slice(start), target].join(' → ') };
      const next = byPath.get(target);
      if (next !== undefined && start === -1 && !done.has(target)) yield* visit(next, [...path, target]);
    }
    done.add(file.path);
  }
  for (const file of files) if (!done.has(file.path)) yield* visit(file, [file.path]);
}
