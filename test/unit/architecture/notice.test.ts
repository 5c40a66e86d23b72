import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..', '..');

type Locked = { readonly version?: string; readonly license?: string; readonly dev?: boolean; readonly devOptional?: boolean };

describe('architecture: third-party notice', () => {
  it('lists every package that runs in the agent, with its versions and licence', () => {
    const notice = readFileSync(join(ROOT, 'NOTICE.md'), 'utf8');
    const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> };
    const listed = new Set(
      [...notice.matchAll(/^\| (\S+) \| ([^|]+) \| ([^|]+) \|$/gm)].flatMap(([, name, versions = '', licence]) =>
        versions.split(', ').map((version) => `| ${name} | ${version} | ${licence} |`)
      )
    );
    const missing = Object.entries(packages).flatMap(([path, { version, license, dev, devOptional }]) => {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      // Types are no code; of binaries, one for each system, one stands for all.
      if (path === '' || dev || devOptional || name.startsWith('@types/') || /^@(?:seydx\/node-av|livekit\/rtc-ffi-bindings)-(?!linux-x64)/.test(name)) return [];
      const line = `| ${name} | ${version} | ${license} |`;
      return listed.has(line) ? [] : [line];
    });
    assert.deepEqual(missing, [], `put into NOTICE.md:\n${missing.join('\n')}`);
  });
});
