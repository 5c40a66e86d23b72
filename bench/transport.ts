// The secure transport beside others: werift's own (what ours stands in for), libdatachannel, Chromium, and node:crypto alone. All in one run, by turns.
import { startBrowser } from './browser.ts';
import { connectWithinPage } from './chromium-page.ts';
import { type Spread, spread, table } from './figures.ts';
import { benchHandshake, type HandshakeResult } from './transport-handshake.ts';
import { benchLoss, CONNECT_LIMIT_MS, type LossResult } from './transport-loss.ts';
import { benchPackets, type PacketResult } from './transport-packets.ts';
import { connectDirectly, makePeer, PEERS, type PeerName } from './transport-peers.ts';

/** The first connections of a process find nothing compiled; a real call finds a process that has rehearsed. */
const REHEARSALS = 5;

type SetupName = PeerName | 'Chromium';
const SETUP_NAMES: readonly SetupName[] = [...PEERS, 'Chromium'];

export type TransportResult = {
  readonly packets: readonly PacketResult[];
  readonly handshake: HandshakeResult;
  /** Milliseconds, and ours as a multiple of the others' medians. */
  readonly setup: { readonly times: Readonly<Record<SetupName, Spread>>; readonly ratio: Readonly<Record<SetupName, number>> };
  readonly loss: readonly LossResult[];
};

/** @param runs tries of ours at each loss rate, and handshakes and set-ups of each; the others try a fifth of it at each loss rate */
export async function benchTransport(runs: number, say: (line: string) => void): Promise<TransportResult> {
  return { packets: benchPackets(say), handshake: await benchHandshake(runs, say), setup: await benchConnecting(runs, say), loss: await benchLoss(runs, say) };
}

async function benchConnecting(runs: number, say: (line: string) => void): Promise<TransportResult['setup']> {
  say(`offer to connected, ${runs} times each`);
  const times: Record<SetupName, number[]> = { ours: [], werift: [], libdatachannel: [], Chromium: [] };
  await using browser = await startBrowser('about:blank');
  for (let run = -REHEARSALS; run < runs; run++) {
    for (const name of SETUP_NAMES) {
      const tookMs = name === 'Chromium' ? await browser.page.evaluate(connectWithinPage) : await connectDirectly(makePeer[name]);
      if (run >= 0) times[name].push(tookMs);
    }
  }
  const spreads = { ours: spread(times.ours), werift: spread(times.werift), libdatachannel: spread(times.libdatachannel), Chromium: spread(times.Chromium) };
  const ratio = (name: SetupName): number => spreads.ours.median / spreads[name].median;
  return { times: spreads, ratio: { ours: 1, werift: ratio('werift'), libdatachannel: ratio('libdatachannel'), Chromium: ratio('Chromium') } };
}

export function transportReport({ packets, handshake, setup, loss }: TransportResult): string {
  const times = ({ runs, min, median, max }: Spread): string[] => [String(runs), ...[min, median, max].map((ms) => ms.toFixed(1))];
  const costs = ({ payloadBytes, implementation, protect, unprotect }: PacketResult): string[] => [
    `${payloadBytes} bytes, ${implementation}`,
    ...[protect, unprotect].flatMap(({ micros, ratio }) => [micros.toFixed(2), ratio.toFixed(2)])
  ];
  return [
    table(['one packet', 'protect µs', 'ratio', 'unprotect µs', 'ratio'], packets.map(costs)),
    '',
    table(
      ['DTLS alone, milliseconds', 'runs', 'min', 'median', 'max'],
      [
        ['ours, both ends in this process', ...times(handshake.times.ours)],
        ['werift, both ends in this process', ...times(handshake.times.werift)],
        ['libdatachannel, its own threads: path to connected', ...times(handshake.times.libdatachannel)]
      ]
    ),
    `ratio to libdatachannel: ${handshake.ratio.toFixed(2)}`,
    '',
    table(
      ['both peers made, offer to connected, milliseconds', 'runs', 'min', 'median', 'max', 'ours as a multiple'],
      SETUP_NAMES.map((name) => [name, ...times(setup.times[name]), setup.ratio[name].toFixed(2)])
    ),
    '',
    table(
      [`connected within ${CONNECT_LIMIT_MS / 1000} s, 40 ms round trip`, 'lost each way', 'connected', 'of', 'median ms', 'max'],
      loss.map(({ part, implementation, lossRate, tries, connected }) => [
        `${part}, ${implementation}`,
        `${lossRate * 100} %`,
        String(connected.runs),
        String(tries),
        ...[connected.median, connected.max].map((ms) => (connected.runs > 0 ? ms.toFixed(0) : '-'))
      ])
    )
  ].join('\n');
}
