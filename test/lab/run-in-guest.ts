// What stands in front of a command line, so that it runs in the guest: output, signals and status are as if it ran here.
// Usage: node run-in-guest.ts PORT NAME=VALUE... COMMAND [ARGUMENT...]
import { startProgram } from './guest-program.ts';

const [port, ...rest] = process.argv.slice(2);
const begin = rest.findIndex((word) => !/^[A-Z_]+=/.test(word));
const env = Object.fromEntries(rest.slice(0, begin).map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]));
const program = await startProgram(Number(port), rest.slice(begin), env);
program.onLine((line) => process.stdout.write(`${line}\n`));
program.onStderr((text) => process.stderr.write(text));
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => program.signal(signal));
process.exit((await program.ended) ?? 1);
