// Finds what the architecture rules look at in a TypeScript file, without TypeScript's API (TypeScript 7 has none of old; tools built
// on it see nothing and report success). Comments and the insides of strings, templates and regular expressions are blanked,
// positions kept; imports are then found in what is left. What cannot be read is an error, never an empty result.

export type ImportStatement = {
  readonly kind: 'static' | 'dynamic' | 'reexport';
  /** Null where a dynamic import's argument is not a string literal. */
  readonly specifier: string | null;
  /** `import type` or `export type … from`. With verbatimModuleSyntax `import { type A }` still loads the module: a value import. */
  readonly typeOnly: boolean;
  /** Counted from 1. */
  readonly line: number;
};

export type ScannedSource = {
  /** The source with everything blanked that is not code; same length, same lines. */
  readonly code: string;
  readonly imports: readonly ImportStatement[];
};

const REGEX_AFTER_CHARACTER = '(,=:[!&|?{;+-*%~^';
const REGEX_AFTER_WORD = /(?:^|[^\w$.])(?:return|typeof|case|in|of|delete|void|throw|new|else|do|instanceof|yield|await)$/;

/** @throws Error with the line where a comment or template does not end */
export function scan(source: string): ScannedSource {
  const { code, strings } = blank(source);
  return { code, imports: findImports(code, strings) };
}

/** The line of an offset, counted from 1. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

type Blanked = { readonly code: string /** String literals by the offset of their opening quote. */; readonly strings: ReadonlyMap<number, string> };

function blank(source: string): Blanked {
  const strings = new Map<number, string>();
  // One entry per template whose `${` is open: how many braces are open inside it.
  const templates: { readonly openedAt: number; braces: number }[] = [];
  let code = '';
  let at = 0;

  const keep = (length: number): void => {
    code += source.slice(at, at + length);
    at += length;
  };
  const hideTo = (end: number): void => {
    code += source.slice(at, end).replace(/[^\n]/g, ' ');
    at = end;
  };
  const fail = (what: string, offset: number): never => {
    throw new Error(`line ${lineAt(source, offset)}: ${what} does not end`);
  };
  const templateText = (openedAt: number): void => {
    let end = at;
    while (end < source.length && source[end] !== '`' && !source.startsWith('${', end)) end += source[end] === '\\' ? 2 : 1;
    if (end >= source.length) fail('a template', openedAt);
    hideTo(end);
    if (source[end] === '`') keep(1);
    else {
      keep(2);
      templates.push({ openedAt, braces: 0 });
    }
  };

  if (source.startsWith('#!')) hideTo(endOfLine(source, 0));
  while (at < source.length) {
    const character = source.charAt(at);
    const template = templates.at(-1);
    if (source.startsWith('//', at)) hideTo(endOfLine(source, at));
    else if (source.startsWith('/*', at)) {
      const end = source.indexOf('*/', at + 2);
      hideTo(end === -1 ? fail('a comment', at) : end + 2);
    } else if (character === '"' || character === "'") {
      const end = endOfString(source, at);
      if (end === null)
        keep(1); // an apostrophe in JSX text
      else {
        strings.set(at, source.slice(at + 1, end));
        keep(1);
        hideTo(end);
        keep(1);
      }
    } else if (character === '`') {
      const openedAt = at;
      keep(1);
      templateText(openedAt);
    } else if (character === '/' && startsRegex(code)) {
      const end = endOfRegex(source, at);
      if (end === null) keep(1);
      else {
        keep(1);
        hideTo(end);
        keep(1);
      }
    } else if (template && character === '{') {
      template.braces++;
      keep(1);
    } else if (template && character === '}') {
      keep(1);
      if (template.braces-- === 0) {
        templates.pop();
        templateText(template.openedAt);
      }
    } else keep(1);
  }
  const open = templates.at(-1);
  if (open) fail('a template', open.openedAt);
  return { code, strings };
}

function endOfLine(source: string, from: number): number {
  const end = source.indexOf('\n', from);
  return end === -1 ? source.length : end;
}

/** The closing quote's offset; null where the line ends first. */
function endOfString(source: string, from: number): number | null {
  const quote = source[from];
  for (let at = from + 1; at < source.length && source[at] !== '\n'; at++) {
    if (source[at] === '\\') at++;
    else if (source[at] === quote) return at;
  }
  return null;
}

function endOfRegex(source: string, from: number): number | null {
  let inClass = false;
  for (let at = from + 1; at < source.length && source[at] !== '\n'; at++) {
    const character = source[at];
    if (character === '\\') at++;
    else if (character === '[') inClass = true;
    else if (character === ']') inClass = false;
    else if (character === '/' && !inClass) return at;
  }
  return null;
}

/** Whether a slash after `code` begins a regular expression rather than a division or the end of a JSX tag. */
function startsRegex(code: string): boolean {
  const before = code.slice(-200).trimEnd();
  if (before === '') return true;
  return REGEX_AFTER_CHARACTER.includes(before.slice(-1)) || before.endsWith('=>') || REGEX_AFTER_WORD.test(before);
}

function findImports(code: string, strings: ReadonlyMap<number, string>): ImportStatement[] {
  const found: ImportStatement[] = [];
  for (const match of code.matchAll(/(?<![\w$.#])(import|export)\b(?!\s*:)/g)) {
    const from = match.index + match[0].length;
    const rest = code.slice(from);
    const line = lineAt(code, match.index);
    const literalAt = (length: number): string | null => strings.get(from + length - 1) ?? null;
    if (match[1] === 'export') {
      const clause = /^\s*(type\s+)?(?:\*(?:\s*as\s+[\w$]+)?|\{[^}]*\})\s*from\s*['"]/.exec(rest);
      if (clause) found.push({ kind: 'reexport', specifier: literalAt(clause[0].length), typeOnly: clause[1] !== undefined, line });
      continue;
    }
    if (/^\s*\.\s*meta\b/.test(rest)) continue;
    const call = /^\s*\(\s*(['"])?/.exec(rest);
    if (call) {
      found.push({ kind: 'dynamic', specifier: call[1] === undefined ? null : literalAt(call[0].length), typeOnly: false, line });
      continue;
    }
    const clause = /^\s*((?:[\w$\s{},*]|'[^'\n]*'\s+as\b)*?)(?:(?<=[\s}*])from\s*)?['"]/.exec(rest);
    if (!clause) continue;
    const typeOnly = /^type\s+(?!from\s*$)(?:[\w$]+\s*$|[\w$]+\s+from|[{*])/.test(clause[1] ?? '');
    found.push({ kind: 'static', specifier: literalAt(clause[0].length), typeOnly, line });
  }
  return found;
}
