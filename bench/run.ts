// npm run bench -- setup|call|transport [--runs N] [--seconds N] [--json]
// Figures beside Chromium on the same machine; docs/performance.md says what they mean. Never part of a test.
import { parseArgs } from 'node:util';
import { benchCall, callReport } from './call.ts';
import { benchSetup, setupReport } from './setup.ts';
import { benchTransport, transportReport } from './transport.ts';

const USAGE = `Usage: npm run bench -- setup [--runs N] [--json]
       npm run bench -- call [--runs N] [--seconds N] [--json]
       npm run bench -- transport [--runs N] [--json]

  setup       milliseconds from placing and from answering a call to the first picture (default: 20 runs)
  call        CPU time and memory of a call (default: 3 runs, windows of 30 s)
  transport   one packet, one handshake, one set-up, and connections through loss (default: 100 tries)`;

function number(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new TypeError(`a number from 1 to 9999 is wanted, not ${JSON.stringify(text)}`);
  return Number(text);
}

async function main(): Promise<number> {
  const say = (line: string): void => console.error(line);
  let given: { bench: string; runs: string | undefined; seconds: number; json: boolean };
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { runs: { type: 'string' }, seconds: { type: 'string' }, json: { type: 'boolean', default: false } }
    });
    number(values.runs, 1);
    given = { bench: positionals.length === 1 ? (positionals[0] ?? '') : '', runs: values.runs, seconds: number(values.seconds, 30), json: values.json };
  } catch (error) {
    say(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  const show = <T>(result: T, report: (result: T) => string): void => console.log(given.json ? JSON.stringify(result) : report(result));
  if (given.bench === 'setup') show(await benchSetup(number(given.runs, 20), say), setupReport);
  else if (given.bench === 'call') show(await benchCall(number(given.runs, 3), given.seconds, say), callReport);
  else if (given.bench === 'transport') show(await benchTransport(number(given.runs, 100), say), transportReport);
  else {
    say(USAGE);
    return 2;
  }
  return 0;
}

// Not left to end by itself: handshakes of werift's that came to nothing go on for half a minute.
process.exit(await main());
