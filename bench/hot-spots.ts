// Where the JavaScript thread of a process spent its time, from V8's CPU profile: self time by function, idle time left out.
import { readFile } from 'node:fs/promises';

type Node = { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number } };
type CpuProfile = { readonly nodes: readonly Node[]; readonly samples: readonly number[]; readonly timeDeltas: readonly number[] };

export type HotSpot = { readonly where: string; readonly percent: number };

/** @returns the most expensive first, in percent of the time in which the thread was busy; and how much of all time that was */
export async function hotSpots(file: string, most: number): Promise<{ readonly busyPercent: number; readonly spots: readonly HotSpot[] }> {
  const { nodes, samples, timeDeltas } = JSON.parse(await readFile(file, 'utf8')) as CpuProfile;
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const place = url.replace(/^.*\/(node_modules|src|agent)\//, '$1/');
      return [id, `${functionName || '(anonymous)'}${place === '' ? '' : ` ${place}:${lineNumber + 1}`}`] as const;
    })
  );
  const byName = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const name = names.get(id) ?? '';
    byName.set(name, (byName.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  }
  const total = [...byName.values()].reduce((sum, each) => sum + each, 0);
  const busy = total - (byName.get('(idle)') ?? 0);
  const spots = [...byName]
    .filter(([name]) => name !== '(idle)' && name !== '(root)')
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([where, time]) => ({ where, percent: (time * 100) / busy }));
  return { busyPercent: (busy * 100) / total, spots };
}
