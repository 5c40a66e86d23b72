// What the host and the server in its guest say to each other: one TCP connection for each thing that is done, which begins with one line of JSON.
// `run`: lines of JSON both ways until the program has ended; a connection that closes ends the program. `tunnel`: afterwards it is the guest's port.

export const GUEST_ADDRESS = '10.0.2.15';
/** The host's loopback, as QEMU's user-mode network shows it to the guest. */
export const HOST_ADDRESS = '10.0.2.2';

export type Opening =
  | { readonly do: 'run'; readonly command: readonly string[]; readonly env: Readonly<Record<string, string>> }
  | { readonly do: 'tunnel'; readonly port: number }
  /** From now on the host's port is there at the guest's loopback, too. */
  | { readonly do: 'reach-host'; readonly port: number };

export type FromHost = { readonly stdin: string } | { readonly signal: NodeJS.Signals };

export type FromGuest =
  | { readonly stdout: string }
  | { readonly stderr: string }
  | { readonly exit: number | null; readonly signal: NodeJS.Signals | null }
  | { readonly ready: true }
  | { readonly failed: string };
