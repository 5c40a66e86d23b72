// npm run bench -- setup|call|media|panel|directory|transport [--runs N] [--seconds N] [--only TEXT] [--profile] [--json]
// Figures beside Chromium on the same machine; docs/performance.md says what they mean. Never part of a test.
import { parseArgs } from 'node:util';
import { benchCall, callReport } from './call.ts';
import { benchDirectory, directoryReport } from './directory.ts';
import { benchMedia, mediaReport } from './media.ts';
import { benchPanel, panelReport } from './panel.ts';
import { benchSetup, setupReport } from './setup.ts';
import { benchTransport, transportReport } from './transport.ts';

const USAGE = `Usage: npm run bench -- setup [--runs N] [--json]
       npm run bench -- call [--runs N] [--seconds N] [--json]
       npm run bench -- media [--seconds N] [--only TEXT] [--profile] [--json]
       npm run bench -- panel [--json]
       npm run bench -- directory [--runs N] [--json]
       npm run bench -- transport [--runs N] [--json]

  setup       milliseconds from placing and from answering a call to the first picture (default: 20 runs)
  call        CPU time and memory of a call (default: 3 runs, windows of 30 s)
  media       glass to glass, freezes and gaps through bad networks, cost at three sizes (default: windows of 15 s; about 10 minutes);
              --only runs the networks and sizes with that in their names (360p), --profile also writes CPU profiles of a media process
  panel       touch to visible change, first load, bytes and memory of the touch panel (about 2 minutes)
  directory   finding one among so many rooms whose documents are still to be proven (default: 5,000; about 2 minutes)
  transport   one packet, one handshake, one set-up, and connections through loss (default: 100 tries)`;

function number(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new TypeError(`a number from 1 to 9999 is wanted, not ${JSON.stringify(text)}`);
  return Number(text);
}

async function main(): Promise<number> {
  const say = (line: string): void => console.error(line);
  let given: { bench: string; runs: string | undefined; seconds: string | undefined; only: string; profile: boolean; json: boolean };
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        runs: { type: 'string' },
        seconds: { type: 'string' },
        only: { type: 'string', default: '' },
        profile: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false }
      }
    });
    number(values.runs, 1);
    number(values.seconds, 1);
    const { runs, seconds, only, profile, json } = values;
    given = { bench: positionals.length === 1 ? (positionals[0] ?? '') : '', runs, seconds, only, profile, json };
  } catch (error) {
    say(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  const show = <T>(result: T, report: (result: T) => string): void => console.log(given.json ? JSON.stringify(result) : report(result));
  if (given.bench === 'setup') show(await benchSetup(number(given.runs, 20), say), setupReport);
  else if (given.bench === 'call') show(await benchCall(number(given.runs, 3), number(given.seconds, 30), say), callReport);
  else if (given.bench === 'media') show(await benchMedia({ ...given, seconds: number(given.seconds, 15) }, say), mediaReport);
  else if (given.bench === 'panel') show(await benchPanel(say), panelReport);
  else if (given.bench === 'directory') show(await benchDirectory(Math.max(20, number(given.runs, 5_000)), say), directoryReport);
  else if (given.bench === 'transport') show(await benchTransport(number(given.runs, 100), say), transportReport);
  else {
    say(USAGE);
    return 2;
  }
  return 0;
}

// Not left to end by itself: handshakes of werift's that came to nothing go on for half a minute.
process.exit(await main());
