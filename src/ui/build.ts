// Builds the panel and the display page into dist/ui/{panel,display}: each folder stands alone and uses relative addresses only.
// Nothing is inlined into the pages, so that the Content-Security-Policy needs no 'unsafe-inline'.
// Skipped when the hash of everything that goes in is the one of the last build; `--force` builds anyway.
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import react from '@vitejs/plugin-react';
import { build, type InlineConfig } from 'vite';

type Page = 'panel' | 'display';

const ui = import.meta.dirname;
const root = join(ui, '..', '..');
const output = join(root, 'dist', 'ui');
const stampFile = join(root, 'dist', 'ui.stamp');

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function inputHash(): Promise<string> {
  const files = [
    ...(await filesBelow(ui)),
    ...(await filesBelow(join(root, 'src', 'kernel'))),
    join(root, 'src', 'media', 'display-feed', 'protocol.ts'),
    join(root, 'src', 'media', 'playout', 'sound-buffer.ts'),
    join(root, 'src', 'media', 'tones', 'tones.ts'),
    join(root, 'package-lock.json')
  ];
  const hash = createHash('sha256');
  for (const file of files) {
    const content = await readFile(file);
    hash.update(`${relative(root, file).split(sep).join('/')}\0${content.byteLength}\0`).update(content);
  }
  return hash.digest('hex');
}

async function isUpToDate(hash: string): Promise<boolean> {
  try {
    for (const page of ['panel', 'display']) await readFile(join(output, page, 'index.html'));
    return (await readFile(stampFile, 'utf8')) === hash;
  } catch {
    return false; // no stamp or no page: nothing built yet
  }
}

function configurationOf(page: Page): InlineConfig {
  // The worklet is fetched by name (audioWorklet.addModule), so its name carries no hash.
  const worklet = { 'audio-worklet': join(ui, 'display', 'audio-worklet.ts') };
  return {
    configFile: false,
    root: join(ui, page),
    base: './',
    publicDir: false,
    logLevel: 'warn',
    plugins: [react()],
    build: {
      outDir: join(output, page),
      emptyOutDir: true,
      target: 'chrome120',
      assetsInlineLimit: 0,
      modulePreload: false,
      reportCompressedSize: false,
      chunkSizeWarningLimit: 2000,
      rolldownOptions: {
        input: { [page]: join(ui, page, 'index.html'), ...(page === 'display' ? worklet : {}) },
        output: { entryFileNames: (chunk) => (chunk.name === 'audio-worklet' ? 'audio-worklet.js' : 'assets/[name]-[hash].js') }
      }
    }
  };
}

const startedAt = performance.now();
const hash = await inputHash();
if (!process.argv.includes('--force') && (await isUpToDate(hash))) {
  console.error('ui: up to date');
} else {
  await rm(stampFile, { force: true });
  for (const page of ['panel', 'display'] as const) await build(configurationOf(page));
  await writeFile(stampFile, hash);
  console.error(`ui: built panel and display in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}
