// Writes what is made from the sources: config/default.json, config/schema.json, docs/errors.md. `--check` writes nothing and fails when one
// of them is stale, so that nobody edits them by hand.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { writeFileAtomically } from '../src/config/atomic-file.ts';
import { configSchema } from '../src/config/schema.ts';
import { errorCodes } from '../src/kernel/error-codes.ts';

const root = new URL('../', import.meta.url);

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

function configJsonSchema(): unknown {
  return { title: 'Cloister configuration', ...z.toJSONSchema(configSchema, { io: 'input' }) };
}

function errorsDocument(): string {
  const rows = Object.entries(errorCodes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { category, retryable, text }]) => `| \`${code}\` | ${category} | ${retryable ? 'yes' : 'no'} | ${text.replaceAll('|', '\\|')} |`);
  return [
    '# Error codes',
    '',
    'Made from src/kernel/error-codes.ts by `node agent/generate.ts`; do not edit. A code keeps its meaning for ever.',
    '*Again* says whether the same may succeed later without a change.',
    '',
    '| code | category | again | text |',
    '|---|---|---|---|',
    ...rows,
    ''
  ].join('\n');
}

const GENERATED: Readonly<Record<string, () => string>> = {
  'config/default.json': () => json(configSchema.parse({})),
  'config/schema.json': () => json(configJsonSchema()),
  'docs/errors.md': errorsDocument
};

const check = process.argv.includes('--check');
for (const [name, make] of Object.entries(GENERATED)) {
  const path = fileURLToPath(new URL(name, root));
  const now = await readFile(path, 'utf8').catch(() => null);
  const wanted = make();
  if (now?.replaceAll('\r\n', '\n') === wanted) continue;
  if (check) {
    console.error(`${name} is stale: run node agent/generate.ts`);
    process.exitCode = 1;
  } else {
    await writeFileAtomically(path, wanted);
    console.log(`wrote ${name}`);
  }
}
