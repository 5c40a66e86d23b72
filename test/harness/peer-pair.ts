// Two peer processes in networks of their own, with signaling between them that a test can hold up.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { until } from '../fakes/dtls-attacker.ts';
import type { LinkedNetworks } from './linked-networks.ts';
import type { FromPeer, ToPeer } from './peer-process.ts';

const ENTRY = fileURLToPath(new URL('./peer-process.ts', import.meta.url));

export type WatchedPeer = {
  readonly pid: number;
  secured: { readonly local: string; readonly remote: string } | null;
  failed: { readonly code: string; readonly atMs: number } | null;
  readonly silences: boolean[];
  /** Updates that it asked for. */
  updates: number;
  updateAnswers: number;
  /** When something was heard last. */
  heardAtMs: number;
};
export type PeerPair = AsyncDisposable & { readonly peers: readonly [WatchedPeer, WatchedPeer] };

/** Resolves when both are secured and hear each other. */
export async function startPeers(networks: LinkedNetworks): Promise<PeerPair> {
  const children = (['first', 'second'] as const).map((place): ChildProcess => {
    const [command = '', ...args] = [...networks.prefix(place), process.execPath, '--no-warnings', ENTRY];
    return spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }) as [ChildProcess, ChildProcess];
  const peers = children.map(
    ({ pid = 0 }): WatchedPeer => ({ pid, secured: null, failed: null, silences: [], updates: 0, updateAnswers: 0, heardAtMs: 0 })
  ) as [WatchedPeer, WatchedPeer];
  for (const [index, child] of children.entries()) {
    const [here, there] = [peers[index as 0 | 1], children[1 - index]];
    const pass = (message: ToPeer): void => void (there?.connected && there.send(message));
    child.on('message', (said: FromPeer) => {
      if ('offer' in said) pass({ answerTo: said.offer });
      else if ('answer' in said) pass({ answered: said.answer });
      else if ('secured' in said) here.secured = said.secured;
      else if ('failed' in said) here.failed = { code: said.failed, atMs: performance.now() };
      else if ('silent' in said) here.silences.push(said.silent);
      else if ('heard' in said) here.heardAtMs = said.heard > 0 ? performance.now() : here.heardAtMs;
      else {
        if ('update' in said) here.updates += 1;
        if ('updateAnswer' in said) here.updateAnswers += 1;
        pass(said);
      }
    });
  }
  const dispose = async (): Promise<void> => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
  };
  try {
    children[0].send({ offer: true } satisfies ToPeer);
    await until(() => peers.every(({ secured, heardAtMs }) => secured !== null && heardAtMs > 0), 'both secured and heard', 30_000);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { peers, [Symbol.asyncDispose]: dispose };
}
