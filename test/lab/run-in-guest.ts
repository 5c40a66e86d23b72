// What stands in front of a command line, so that it runs in the guest: output, signals and status are as if it ran here.
// Usage: node run-in-guest.ts PORT COMMAND [ARGUMENT...]
import { startProgram } from './guest-program.ts';

const [port, ...command] = process.argv.slice(2);
const program = await startProgram(Number(port), command, {});
program.onLine((line) => process.stdout.write(`${line}\n`));
program.onStderr((text) => process.stderr.write(text));
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => program.signal(signal));
process.exit((await program.ended) ?? 1);
