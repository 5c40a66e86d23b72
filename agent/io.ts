// Where a command's output goes: results to standard output, everything else to standard error (protocol.md "Command line").

export type CommandIo = { stdout(line: string): void; stderr(line: string): void };

export type ExitStatus = 0 | 1 | 2;
