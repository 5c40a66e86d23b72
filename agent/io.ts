// Where a command's output goes: results to standard output, everything else to standard error (protocol.md "Command line").

export type CommandIo = { stdout(line: string): void; stderr(line: string): void };

/** 75 (EX_TEMPFAIL of sysexits.h): the room ended to be started again by its supervisor. */
export type ExitStatus = 0 | 1 | 2 | 75;
export const RESTART_STATUS = 75;
