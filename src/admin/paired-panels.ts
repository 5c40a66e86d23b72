// Remote panels that somebody has paired by the PIN: which they are, on disk. Invariants: a token is shown once, to its panel, and kept as a hash; a pairing holds
// only once it is on disk, and for a year, whatever a browser does with its cookie; one that is removed is gone at once, also for what it has open; a file that
// cannot be used pairs nobody.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import type { KeptFile } from '../config/kept-file.ts';
import type { Clock } from '../kernel/clock.ts';
import { CloisterError } from '../kernel/errors.ts';
import { createEvents } from '../kernel/events.ts';
import type { Log } from '../kernel/log.ts';
import type { PanelsPort } from '../ui-server/port.ts';
import { hashOfToken, newToken } from './sessions.ts';

const MOST_PANELS = 16;
const PAIRED_MS = 365 * 24 * 60 * 60_000;

const panel = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  hash: z.string().regex(/^[A-Za-z0-9+/]{43}=$/),
  from: z.string().max(64),
  pairedAt: z.iso.datetime()
});
export const keptPanels = z.strictObject({ version: z.literal(1), panels: z.array(panel).max(MOST_PANELS) });
export type KeptPanels = z.output<typeof keptPanels>;
export const NO_PANELS: KeptPanels = { version: 1, panels: [] };

export type PairedPanels = PanelsPort & { start(signal: AbortSignal): Promise<void> };

export function createPairedPanels({ file, clock, log }: { readonly file: KeptFile<KeptPanels>; readonly clock: Clock; readonly log: Log }): PairedPanels {
  const events = createEvents<{ removed: readonly [id: string] }>((error) => log.error('a listener failed', { error: String(error) }));
  let panels: KeptPanels['panels'] = [];
  let last: Promise<unknown> = Promise.resolve();
  const paired = (): KeptPanels['panels'] => panels.filter(({ pairedAt }) => clock.now() - Date.parse(pairedAt) < PAIRED_MS);

  function change(make: (before: KeptPanels['panels']) => KeptPanels['panels']): Promise<void> {
    const mine = last.then(async () => {
      const next = make(panels);
      await file.write({ version: 1, panels: next });
      const gone = panels.filter(({ id }) => !next.some((each) => each.id === id));
      panels = next;
      for (const { id } of gone) events.emit('removed', id);
    });
    last = mine.catch(() => {});
    return mine;
  }

  return {
    on: events.on,
    async start(signal) {
      signal.throwIfAborted();
      ({ panels } = await file.read());
    },
    async pair(from) {
      const token = newToken();
      const id = randomBytes(8).toString('hex');
      const added = { id, hash: hashOfToken(token), from: from.slice(0, 64), pairedAt: new Date(clock.now()).toISOString() };
      // The one that was paired longest ago makes room.
      await change((before) => [...before, added].slice(-MOST_PANELS));
      log.info('a remote panel was paired', { panel: id, from });
      return { token };
    },
    idOf(token) {
      const hash = Buffer.from(hashOfToken(token), 'base64');
      return paired().find((each) => timingSafeEqual(Buffer.from(each.hash, 'base64'), hash))?.id ?? null;
    },
    list: () => paired().map(({ id, from, pairedAt }) => ({ id, from, pairedAt })),
    async remove(id) {
      if (!paired().some((each) => each.id === id)) throw new CloisterError('CL_NOT_FOUND', 'There is no such panel.');
      await change((before) => before.filter((each) => each.id !== id));
      log.info('a remote panel was removed', { panel: id });
    }
  };
}
