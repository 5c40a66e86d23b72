import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { WebSocket } from 'ws';
import { silentLog } from '../../../../src/kernel/log.ts';
import { decodeFeedFrame, type FeedFrame, type FrameKind } from '../../../../src/media/display-feed/protocol.ts';
import { createDisplayFeed, type DisplayFeed, type DisplayFeedOptions } from '../../../../src/media/display-feed/server.ts';
import { createFakeClock, type FakeClock } from '../../../fakes/clock.ts';

const ORIGIN = 'http://127.0.0.1:7700';
const REPORT = { type: 'report', framesDecoded: 5, framesDropped: 0, audioPlayedMs: 20, audioGapsMs: 0, bufferMs: 40, avOffsetMs: -3 };

/** One display: the kinds of frames and the messages it got. */
type Display = { readonly socket: WebSocket; readonly got: string[] };

describe('display feed', () => {
  let clock: FakeClock;
  let feed: DisplayFeed;
  let keyframesAsked: number;
  let open: WebSocket[];

  function create(options: Partial<DisplayFeedOptions> = {}): DisplayFeed {
    return createDisplayFeed({
      host: '127.0.0.1',
      origins: [ORIGIN],
      clock,
      log: silentLog,
      onNeedKeyframe: () => {
        keyframesAsked++;
      },
      ...options
    });
  }

  beforeEach(async () => {
    clock = createFakeClock();
    keyframesAsked = 0;
    open = [];
    feed = create();
    await feed.start();
  });

  afterEach(async () => {
    for (const socket of open) socket.terminate();
    await feed[Symbol.asyncDispose]();
  });

  /** The status with which a connection is refused, or 101. */
  async function attempt(url: string, origin: string | undefined = ORIGIN): Promise<number> {
    const socket = new WebSocket(url, { ...(origin === '' ? {} : { origin }) });
    open.push(socket);
    socket.on('error', () => {});
    return new Promise((resolve) => {
      socket.on('open', () => resolve(101));
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    });
  }

  async function connectDisplay(url = feed.ticket().url): Promise<Display> {
    const socket = new WebSocket(url, { origin: ORIGIN });
    open.push(socket);
    const got: string[] = [];
    socket.on('error', () => {});
    socket.on('message', (data, isBinary) => {
      assert.ok(Buffer.isBuffer(data));
      const bytes = new Uint8Array(data).buffer;
      got.push(isBinary ? (decodeFeedFrame(bytes)?.kind ?? 'no frame') : (JSON.parse(data.toString()) as { type: string }).type);
    });
    await once(socket, 'open');
    await until(() => feed.statistics().displays > 0);
    return { socket, got };
  }

  const frame = (kind: FrameKind, size = 10): FeedFrame => ({ kind, timestampUs: 1, captureMs: null, data: new Uint8Array(size) });
  const config = { type: 'picture-config', of: 'video', codec: 'vp8', width: 640, height: 360 } as const;

  /** Waits for the sockets, not for time. */
  async function until(condition: () => boolean): Promise<void> {
    for (let turn = 0; turn < 20_000 && !condition(); turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(condition(), `did not come: ${condition}`);
  }

  /** Everything sent so far has arrived at the display. */
  async function flushed({ socket }: Display): Promise<void> {
    socket.ping();
    await once(socket, 'pong');
  }

  it('lets a display in with a ticket, once', async () => {
    const { url } = feed.ticket();
    assert.match(url, /^ws:\/\/127\.0\.0\.1:\d+\/feed\/[A-Za-z0-9_-]{43}$/);
    assert.equal(await attempt(url), 101);
    assert.equal(await attempt(url), 401);
    assert.equal(feed.statistics().displays, 1);
  });

  it('refuses a wrong, a cut and an expired ticket, and other paths', async () => {
    const { url } = feed.ticket();
    const base = url.slice(0, url.lastIndexOf('/feed/'));
    const refused = [`${base}/feed/${'A'.repeat(43)}`, url.slice(0, -1), `${url}x`, `${base}/feed/`, base, url.replace('/feed/', '/food/')];
    for (const wrong of refused) assert.equal(await attempt(wrong), 401, 'not let in');
    clock.advance(9_999);
    const { url: later } = feed.ticket();
    clock.advance(1);
    assert.equal(await attempt(url), 401);
    assert.equal(await attempt(later), 101);
  });

  it('keeps at most 16 tickets', async () => {
    const urls = Array.from({ length: 17 }, () => feed.ticket().url);
    assert.equal(await attempt(urls[0] ?? ''), 401);
    assert.equal(await attempt(urls[1] ?? ''), 101);
  });

  it('compares the Origin exactly, and a refused origin does not use the ticket up', async () => {
    const { url } = feed.ticket();
    for (const origin of ['', 'http://127.0.0.1:7701', 'http://127.0.0.1:7700/', 'HTTP://127.0.0.1:7700', 'null', `${ORIGIN}.evil.example`]) {
      assert.equal(await attempt(url, origin), 403, origin);
    }
    assert.equal(await attempt(url), 101);
  });

  it('takes at most four displays', async () => {
    for (let i = 0; i < 4; i++) assert.equal(await attempt(feed.ticket().url), 101);
    assert.equal(await attempt(feed.ticket().url), 503);
    open[0]?.terminate();
    await until(() => feed.statistics().displays === 3);
    assert.equal(await attempt(feed.ticket().url), 101);
  });

  it('feeds nothing before open(), neither frames nor messages', async () => {
    const display = await connectDisplay();
    feed.sendMessage(config);
    feed.sendFrame(frame('video-key'));
    feed.sendFrame(frame('audio'));
    await flushed(display);
    assert.deepEqual([display.got, keyframesAsked], [[], 0]);
    feed.open();
    assert.equal(keyframesAsked, 1);
    feed.sendFrame(frame('video-key'));
    feed.sendFrame(frame('audio'));
    await flushed(display);
    assert.deepEqual(display.got, ['picture-config', 'video-key', 'audio']);
  });

  it('gives a display that connects the latest configurations, and no picture before a keyframe, for which it asks', async () => {
    feed.open();
    feed.sendMessage({ ...config, codec: 'avc1.42e01f' });
    feed.sendMessage(config);
    feed.sendMessage({ type: 'audio-config', codec: 'opus', sampleRate: 48000, channels: 1 });
    const display = await connectDisplay();
    assert.equal(keyframesAsked, 1);
    for (const kind of ['video-delta', 'audio', 'video-key', 'video-delta'] as const) feed.sendFrame(frame(kind));
    await flushed(display);
    assert.deepEqual(display.got, ['picture-config', 'audio-config', 'audio', 'video-key', 'video-delta']);
    display.socket.send(JSON.stringify({ type: 'need-keyframe', of: 'video' }));
    await until(() => keyframesAsked === 2);
    for (const kind of ['video-delta', 'video-key'] as const) feed.sendFrame(frame(kind));
    await flushed(display);
    assert.deepEqual(display.got.slice(5), ['video-key']);
  });

  it('asks again where the keyframe stays away, though the other side goes on', async () => {
    feed.open();
    feed.sendMessage(config);
    const display = await connectDisplay();
    for (let ms = 0; ms < 2_000; ms += 100) {
      feed.sendFrame(frame('video-delta'));
      clock.advance(100);
    }
    assert.equal(keyframesAsked, 3);
    feed.sendFrame(frame('video-key'));
    clock.advance(5_000);
    feed.sendFrame(frame('video-delta'));
    await flushed(display);
    assert.deepEqual(display.got, ['picture-config', 'video-key', 'video-delta']);
    assert.equal(keyframesAsked, 3);
  });

  it('leaves a slow display out until a keyframe, without growing, and the others see everything', async () => {
    feed.open();
    feed.sendMessage(config);
    const slow = await connectDisplay();
    const quick = await connectDisplay();
    await flushed(quick);
    slow.socket.pause();
    const big = 256 * 1024;
    feed.sendFrame(frame('video-key', big));
    for (let i = 0; i < 80; i++) {
      feed.sendFrame(frame('video-delta', big));
      await until(() => quick.got.length >= i + 3);
    }
    const before = keyframesAsked;
    slow.socket.resume();
    await flushed(slow);
    const received = slow.got.length;
    assert.ok(received < 60, `${received} frames were kept for a slow display`);
    feed.sendFrame(frame('video-delta', 1));
    assert.equal(keyframesAsked, before + 1);
    feed.sendFrame(frame('video-delta', 1));
    feed.sendFrame(frame('video-key', 1));
    feed.sendFrame(frame('video-delta', 1));
    await flushed(slow);
    assert.deepEqual(slow.got.slice(received), ['picture-config', 'video-key', 'video-delta']);
  });

  it('takes reports; its count goes on when a display is replaced', async () => {
    feed.open();
    const display = await connectDisplay();
    display.socket.send(JSON.stringify(REPORT));
    await until(() => feed.statistics().report !== null);
    assert.deepEqual(feed.statistics(), { displays: 1, framesDecoded: 5, report: REPORT });
    display.socket.close();
    await until(() => feed.statistics().displays === 0);
    const next = await connectDisplay();
    next.socket.send(JSON.stringify({ ...REPORT, framesDecoded: 2 }));
    await until(() => feed.statistics().report !== null);
    assert.equal(feed.statistics().framesDecoded, 7);
  });

  it('closes the socket of a malformed message with 1008 and harms no other', async () => {
    feed.open();
    const good = await connectDisplay();
    const malformed: (string | Uint8Array)[] = [
      '',
      '{',
      'null',
      '[]',
      '{"type":"other"}',
      '{"type":"need-keyframe","of":"video","more":1}',
      JSON.stringify({ ...REPORT, framesDecoded: -1 }),
      JSON.stringify({ ...REPORT, bufferMs: '1' }),
      JSON.stringify({ ...REPORT, avOffsetMs: null }),
      JSON.stringify({ ...REPORT, more: 1 }),
      new Uint8Array([123, 125])
    ];
    for (const message of malformed) {
      const bad = await connectDisplay();
      bad.socket.send(message);
      const [code] = await once(bad.socket, 'close');
      assert.equal(code, 1008, String(message));
    }
    const large = await connectDisplay();
    large.socket.send('x'.repeat(5000));
    assert.equal((await once(large.socket, 'close'))[0], 1009);
    await until(() => feed.statistics().displays === 1);
    feed.sendFrame(frame('video-key'));
    await flushed(good);
    assert.deepEqual(good.got, ['video-key']);
  });

  it('survives any text and any bytes instead of a handshake or a frame', async () => {
    feed.open();
    const good = await connectDisplay();
    const port = Number(new URL(feed.ticket().url).port);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.string({ maxLength: 200 }), async (bytes, text) => {
        const bad = await connectDisplay();
        bad.socket.send(text);
        await once(bad.socket, 'close');
        const raw = connect(port, '127.0.0.1');
        raw.on('error', () => {}).resume();
        raw.end(Buffer.concat([Buffer.from('GET /feed/x HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'), bytes, Buffer.from('\r\n\r\n')]));
        await once(raw, 'close');
      }),
      { numRuns: 15 }
    );
    feed.sendFrame(frame('audio'));
    await flushed(good);
    assert.deepEqual(good.got, ['audio']);
  });

  it('ends its sockets when closed, and lets nobody in', async () => {
    feed.open();
    const display = await connectDisplay();
    const { url } = feed.ticket();
    const ended = once(display.socket, 'close');
    await feed[Symbol.asyncDispose]();
    assert.equal((await ended)[0], 1001);
    await assert.rejects(once(new WebSocket(url, { origin: ORIGIN }), 'open'));
    assert.throws(() => feed.ticket(), { code: 'CL_MEDIA_TICKET' });
    feed.sendFrame(frame('audio'));
    assert.equal(clock.pending, 0);
  });

  it('ends a socket that does not answer', async () => {
    const display = await connectDisplay();
    display.socket.pause();
    const closing = feed[Symbol.asyncDispose]();
    clock.advance(500);
    await closing;
    assert.equal(feed.statistics().displays, 0);
  });

  it('does not keep a refused connection that the other side leaves open', async () => {
    const raw = connect({ port: Number(new URL(feed.ticket().url).port), host: '127.0.0.1', allowHalfOpen: true });
    raw.on('error', () => {}).resume();
    raw.write('GET /feed/x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    await once(raw, 'end');
    await feed[Symbol.asyncDispose]();
    raw.destroy();
  });

  it('may be closed before and while it starts', async () => {
    const idle = create();
    await idle[Symbol.asyncDispose]();
    const starting = create();
    const started = starting.start();
    await starting[Symbol.asyncDispose]();
    await started;
    assert.throws(() => starting.ticket(), { code: 'CL_MEDIA_TICKET' });
  });

  it('says clearly where it cannot listen', async () => {
    await assert.rejects(create({ host: '192.0.2.1' }).start(), { code: 'CL_PORT_IN_USE' });
  });
});
