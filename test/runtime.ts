// The runtime that the project is pinned to (docs/adr): measured with one version, tested with one version.
import packageJson from '../package.json' with { type: 'json' };

/** One line that says what is wrong with this Node.js; null when it is the pinned one. */
export function wrongRuntime(version: string = process.versions.node): string | null {
  const wanted = packageJson.dependencies.node;
  return version === wanted
    ? null
    : `this is Node.js ${version}, Cloister runs on ${wanted}: start it through npm (npm test, npm run check), which finds that one in node_modules`;
}
