import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { createOwnPicture, type OwnPicture } from '../../../src/media/own-picture.ts';
import { createFakeClock } from '../../fakes/clock.ts';

const ORIGIN = 'http://127.0.0.1:1';

describe('the own picture', () => {
  let own: OwnPicture | null = null;
  const pages: WebSocket[] = [];
  afterEach(async () => {
    for (const page of pages.splice(0)) page.terminate();
    await own?.[Symbol.asyncDispose]();
    own = null;
  });

  /** What the page said has arrived: the feed answers it. */
  const heard = async (page: WebSocket): Promise<void> => {
    page.ping();
    await once(page, 'pong');
  };

  it('asks the encoder for a keyframe once a second at most, however often its pages ask: each costs the other side some of its picture', async () => {
    const clock = createFakeClock();
    let asked = 0;
    const made = createOwnPicture({ host: '127.0.0.1', origins: [ORIGIN], clock, requestKeyframe: () => void asked++ });
    own = made;
    const page = new WebSocket((await made.ticket()).url, { origin: ORIGIN });
    pages.push(page);
    await once(page, 'open');
    const ask = async (): Promise<void> => {
      for (let times = 0; times < 20; times++) page.send(JSON.stringify({ type: 'need-keyframe', of: 'video' }));
      await heard(page);
    };
    await ask();
    assert.equal(asked, 1);
    await ask();
    assert.equal(asked, 1);
    clock.advance(1_000);
    assert.equal(asked, 2, 'what was asked for meanwhile is not forgotten');
    clock.advance(10_000);
    assert.equal(asked, 2);
  });

  it('gives nothing to a page of somewhere else, nor twice for one ticket', async () => {
    const made = createOwnPicture({ host: '127.0.0.1', origins: [ORIGIN], clock: createFakeClock(), requestKeyframe: () => {} });
    own = made;
    const { url } = await made.ticket();
    await assert.rejects(once(new WebSocket(url, { origin: 'http://evil.example' }), 'open'));
    const page = new WebSocket(url, { origin: ORIGIN });
    pages.push(page);
    await once(page, 'open');
    await assert.rejects(once(new WebSocket(url, { origin: ORIGIN }), 'open'));
  });
});
