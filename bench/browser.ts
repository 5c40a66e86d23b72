// Chromium as the benches use it: always the same switches, one browser with a profile of its own for each side of a call.
import { chromium, type Page } from 'playwright-core';

const SWITCHES = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
  // Two browsers on one machine: candidates with plain addresses, so that neither waits for a name to be looked up.
  '--disable-features=WebRtcHideLocalIpsWithMdns'
];

export type Browser = AsyncDisposable & {
  /** Of the browser's first process; the others descend from it. */
  readonly pid: number;
  /** The one tab. */
  readonly page: Page;
};

export async function startBrowser(url: string): Promise<Browser> {
  const server = await chromium.launchServer({ executablePath: '/usr/bin/chromium', headless: true, args: SWITCHES });
  try {
    const browser = await chromium.connect(server.wsEndpoint());
    const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
    page.on('pageerror', (error) => console.error(`page error at ${url}: ${error.message}`));
    await page.goto(url);
    return { pid: server.process().pid ?? 0, page, [Symbol.asyncDispose]: () => server.close() };
  } catch (error) {
    await server.close();
    throw error;
  }
}
