// Chromium as the benches use it: always the same switches, one browser with a profile of its own for each side of a call.
import { chromium, type Page } from 'playwright-core';
import { CHROMIUM, CHROMIUM_SWITCHES, PLAIN_CANDIDATES, PLAYS_UNTOUCHED } from '../test/harness/chromium.ts';

export type Browser = AsyncDisposable & {
  /** Of the browser's first process; the others descend from it. */
  readonly pid: number;
  /** The one tab. */
  readonly page: Page;
};

export async function startBrowser(url: string): Promise<Browser> {
  const server = await chromium.launchServer({
    executablePath: CHROMIUM,
    headless: true,
    args: [...CHROMIUM_SWITCHES, PLAYS_UNTOUCHED, PLAIN_CANDIDATES]
  });
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
