// A third participant among three real rooms, by touch at each of them: added, seen and heard beside the other, muted for both, and gone again.
import assert from 'node:assert/strict';
import { type DisplayPage, openBrowser, type RoomPage, type TestBrowser, until } from '../harness/browser.ts';
import { startFurtherRoom, startTwoRooms, type TestRoom, type TwoRooms } from '../harness/two-rooms.ts';

const STANDARD = { encryption: { policy: 'DisabledUserOverride', setting: false }, call: { connectTimeoutMs: 60_000 } } as const;
const LIMIT_MS = 60_000;

describe('browser: three rooms in one call', function () {
  this.timeout(240_000);
  this.bail(true);
  let pair: TwoRooms;
  let third: TestRoom;
  let browser: TestBrowser;
  let host: RoomPage;
  let display: DisplayPage;
  let added: RoomPage;

  before(async () => {
    pair = await startTwoRooms({ config: () => STANDARD });
    third = await startFurtherRoom(pair, 'Library', 'library@contoso.example', STANDARD);
    browser = await openBrowser();
    host = await browser.panel(pair.rooms[0].url);
    display = await browser.display(pair.rooms[0].url);
    added = await browser.panel(third.url);
    await pair.placeCall();
    await host.see('call-duration', LIMIT_MS);
    await display.see('remote-video', LIMIT_MS);
  });

  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await third?.stop();
    await pair?.[Symbol.asyncDispose]();
  });

  const statistics = () => display.page.evaluate(() => window.cloisterDisplay?.statisticsOfAll() ?? []);
  async function bothGoOn(): Promise<void> {
    const before = await statistics();
    await until(
      'both pictures and both sounds go on',
      async () => {
        const now = await statistics();
        return now.every((each, slot) => {
          const earlier = before[slot];
          return earlier !== undefined && each.framesPresented >= earlier.framesPresented + 10 && each.audioPlayedMs >= earlier.audioPlayedMs + 500;
        });
      },
      LIMIT_MS
    );
  }

  it('are brought together by touch, and the first picture stays as it is', async () => {
    const [first] = await statistics();
    await host.touch('button-more');
    await host.touch('feature-add-participant');
    for (const character of 'library') await host.touch(`key-${character}`);
    await host.touch('key-organisation');
    // By the directory, where it knows the account already.
    await host.page.locator('[data-testid="person-typed"], [data-testid="person-library@contoso.example"]').first().tap();
    await host.see('participants', LIMIT_MS);
    await added.see('incoming-conference', LIMIT_MS);
    assert.match(await added.text('incoming-conference'), /Studio is in the call too/);
    await until('it is said here', async () => /Calling/.test(await host.text('participant-2')), LIMIT_MS);
    await host.screenshot('conference-rooms-ringing');
    await added.touch('button-answer');
    for (const panel of [host, added]) await panel.seeAttribute('participants', 'data-phase', 'joined', LIMIT_MS);
    await display.see('remote-video-2', LIMIT_MS);
    await bothGoOn();
    assert.equal((await statistics())[0]?.connections, first?.connections, 'the first picture was not begun anew');
    assert.equal(await host.text('participant-2-name'), 'Library');
    await host.screenshot('conference-rooms-host');
    await added.screenshot('conference-rooms-added');
    await display.screenshot('conference-rooms-display');
  });

  it('mute for both, and say so', async () => {
    await host.touch('button-mute');
    await until('it is so', async () => /Microphone is off/.test(await host.text('button-mute')), LIMIT_MS);
    await until('there too', async () => /No sound/.test(await added.text('participant-1')), LIMIT_MS);
    await host.touch('button-mute');
  });

  it('are two again when the third leaves, without a break', async () => {
    const [first] = await statistics();
    await added.touch('button-end');
    await host.lose('participants', LIMIT_MS);
    await display.lose('remote-video-2', LIMIT_MS);
    await until('one picture', async () => ((await display.page.getByTestId('remote-video').boundingBox())?.width ?? 0) === 1920);
    assert.equal((await statistics())[0]?.connections, first?.connections);
    assert.match(await host.text('peer-name'), /Studio/);
    await host.touch('button-end');
    assert.deepEqual(browser.faults(), []);
  });
});
