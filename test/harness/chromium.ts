// Chromium as tests and benches start it: headless, for this machine alone. Nothing of its own goes to the network or shows itself in a first run.

export const CHROMIUM = '/usr/bin/chromium';

export const CHROMIUM_SWITCHES: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
];

/** As in the room: a display plays without anybody having touched it. */
export const PLAYS_UNTOUCHED = '--autoplay-policy=no-user-gesture-required';

/** Two browsers on one machine: candidates with plain addresses, so that neither waits for a name to be looked up. */
export const PLAIN_CANDIDATES = '--disable-features=WebRtcHideLocalIpsWithMdns';

/** A camera and a microphone of its own making, and calls within one machine. */
export const FAKE_DEVICES: readonly string[] = ['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--allow-loopback-in-peer-connection'];
