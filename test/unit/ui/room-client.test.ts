import assert from 'node:assert/strict';
import type { Timer } from '../../../src/kernel/clock.ts';
import { applyStatePatch, type EventStream, RoomClient } from '../../../src/ui/shared/room-client.ts';
import { states } from '../../browser/fixtures/states.ts';

/** Timers that run when told. */
class FakeClock {
  #now = 0;
  #due: { readonly at: number; readonly run: () => void }[] = [];

  schedule = (delayMs: number, run: () => void): Timer => {
    const entry = { at: this.#now + delayMs, run };
    this.#due.push(entry);
    return {
      cancel: () => {
        this.#due = this.#due.filter((other) => other !== entry);
      }
    };
  };

  async advance(durationMs: number): Promise<void> {
    const end = this.#now + durationMs;
    for (;;) {
      const next = this.#due.toSorted((one, other) => one.at - other.at).find((entry) => entry.at <= end);
      if (next === undefined) break;
      this.#now = next.at;
      this.#due = this.#due.filter((entry) => entry !== next);
      next.run();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
};

class FakeStream implements EventStream {
  readyState = 0;
  readonly #listeners = new Map<string, (event: { readonly data?: unknown }) => void>();

  addEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void {
    this.#listeners.set(type, listener);
  }

  emit(type: string, data?: unknown): void {
    this.#listeners.get(type)?.({ data: typeof data === 'string' ? data : JSON.stringify(data) });
  }

  fail(closed: boolean): void {
    this.readyState = closed ? 2 : 0;
    this.#listeners.get('error')?.({});
  }

  close(): void {
    this.readyState = 2;
  }
}

function createRoom() {
  const clock = new FakeClock();
  const streams: FakeStream[] = [];
  const room = { answers: true, posts: [] as { url: string; init: RequestInit }[], response: () => new Response(null, { status: 204 }) };
  const client = new RoomClient({
    clock,
    openEvents: () => {
      const stream = new FakeStream();
      streams.push(stream);
      return stream;
    },
    fetch: (url, init) => {
      if (url !== '/healthz') {
        room.posts.push({ url, init });
        return Promise.resolve(room.response());
      }
      if (room.answers) return Promise.resolve(new Response('{}'));
      return new Promise((_, reject) => init.signal?.addEventListener('abort', () => reject(new Error('aborted'))));
    }
  });
  client.start();
  const stream = (): FakeStream => {
    const last = streams.at(-1);
    assert.ok(last);
    return last;
  };
  return { clock, client, room, streams, stream };
}

describe('ui/shared/room-client', () => {
  it('shows nothing before the first snapshot, then the snapshot', () => {
    const { client, stream } = createRoom();
    assert.deepEqual(client.view(), { state: null, online: false });
    stream().emit('open');
    assert.equal(client.view().online, false);
    stream().emit('state', states.idle);
    assert.deepEqual(client.view(), { state: states.idle, online: true });
  });

  it('applies patches to a new document and leaves the old one as it was', () => {
    const { client, stream } = createRoom();
    stream().emit('state', states.endToEnd);
    const before = client.view().state;
    stream().emit('patch', [{ op: 'replace', path: '/call/media/audio/sending', value: false }]);
    assert.equal(client.view().state?.call?.media.audio.sending, false);
    assert.equal(before?.call?.media.audio.sending, true);
  });

  it('asks for a new snapshot when a patch does not fit, and shows nothing uncertain meanwhile', () => {
    for (const patch of [[{ op: 'replace', path: '/call/nothing/there', value: 1 }], { op: 'add' }, 'no json', [null]]) {
      const { client, stream, streams } = createRoom();
      stream().emit('state', states.idle);
      stream().emit('patch', patch);
      assert.equal(streams.length, 2);
      assert.equal(streams[0]?.readyState, 2);
      assert.deepEqual(client.view(), { state: null, online: false });
      stream().emit('state', states.incoming);
      assert.deepEqual(client.view(), { state: states.incoming, online: true });
    }
  });

  it('is offline as soon as the stream breaks, and online with the resumed one', async () => {
    const { client, clock, stream, streams } = createRoom();
    stream().emit('state', states.idle);
    stream().fail(false);
    assert.equal(client.view().online, false);
    await clock.advance(1000);
    assert.equal(streams.length, 1, 'the browser resumes it by Last-Event-ID');
    stream().emit('open');
    assert.deepEqual(client.view(), { state: states.idle, online: true });
  });

  it('opens a stream anew that the browser has given up', async () => {
    const { client, clock, stream, streams } = createRoom();
    stream().emit('state', states.idle);
    stream().fail(true);
    await clock.advance(600);
    assert.equal(streams.length, 2);
    assert.equal(client.view().online, false);
    stream().emit('state', states.idle);
    assert.equal(client.view().online, true);
  });

  it('is offline within two seconds of a room that freezes with its connections open, and takes a new snapshot after it', async () => {
    const { client, clock, room, stream, streams } = createRoom();
    stream().emit('state', states.endToEnd);
    await clock.advance(5000);
    assert.equal(client.view().online, true);
    room.answers = false;
    await clock.advance(2000);
    assert.equal(client.view().online, false);
    assert.equal(streams.length, 1);
    room.answers = true;
    await clock.advance(2000);
    assert.equal(streams.length, 2);
    assert.deepEqual(client.view(), { state: null, online: false }, 'what was true before may not be now');
    stream().emit('state', states.idle);
    assert.deepEqual(client.view(), { state: states.idle, online: true });
  });

  it('does not listen to a stream that was replaced', async () => {
    const { client, clock, stream, streams } = createRoom();
    stream().emit('state', states.idle);
    stream().fail(true);
    await clock.advance(600);
    streams[0]?.emit('state', states.incoming);
    assert.equal(client.view().state?.call, null);
  });

  it('posts commands as JSON and gives back what came', async () => {
    const { client, room } = createRoom();
    room.response = () => Response.json({ id: 'x' }, { status: 201 });
    const outcome = await client.command<{ id: string }>('/api/v1/calls', { to: 'a@b.example' });
    assert.deepEqual(outcome, { ok: true, value: { id: 'x' } });
    assert.equal(room.posts[0]?.init.method, 'POST');
    assert.equal(room.posts[0]?.init.body, '{"to":"a@b.example"}');
    assert.deepEqual(room.posts[0]?.init.headers, { 'content-type': 'application/json' });
  });

  it('gives what is no JSON, such as sound, as its bytes, and reads a refusal all the same', async () => {
    const { client, room } = createRoom();
    room.response = () => new Response(new Uint8Array([82, 73, 70, 70]), { headers: { 'content-type': 'audio/wav' } });
    const outcome = await client.command<ArrayBuffer>('/api/v1/calls/x/speak-code', { language: 'en' });
    assert.ok(outcome.ok);
    assert.deepEqual([...new Uint8Array(outcome.value)], [82, 73, 70, 70]);
    room.response = () =>
      Response.json({ code: 'CL_SPEECH_UNAVAILABLE' }, { status: 503, headers: { 'content-type': 'application/problem+json; charset=utf-8' } });
    assert.deepEqual(await client.command('/api/v1/calls/x/speak-code'), { ok: false, error: { code: 'CL_SPEECH_UNAVAILABLE' } });
  });

  it('gives the room’s code for a refusal, and its own where there was no answer or none of use', async () => {
    const { client, room } = createRoom();
    room.response = () => Response.json({ code: 'CL_CALL_BUSY', status: 409 }, { status: 409 });
    assert.deepEqual(await client.command('/x'), { ok: false, error: { code: 'CL_CALL_BUSY' } });
    room.response = () => Response.json({}, { status: 500 });
    assert.deepEqual(await client.command('/x'), { ok: false, error: { code: 'CL_INTERNAL' } });
    room.response = () => {
      throw new TypeError('no connection');
    };
    assert.deepEqual(await client.command('/x'), { ok: false, error: { code: 'CL_AGENT_UNREACHABLE' } });
  });

  it('tells listeners of changes only, and nothing after close', () => {
    const { client, stream } = createRoom();
    let calls = 0;
    const stop = client.subscribe(() => {
      calls += 1;
    });
    stream().emit('state', states.idle);
    stream().emit('open');
    assert.equal(calls, 1);
    stop();
    stream().emit('state', states.incoming);
    assert.equal(calls, 1);
    client.close();
    assert.deepEqual(client.view(), { state: null, online: false });
    stream().emit('state', states.idle);
    assert.equal(client.view().state, null);
  });

  it('applyStatePatch refuses what is no patch', () => {
    assert.equal(applyStatePatch(states.idle, undefined), null);
    assert.equal(applyStatePatch(states.idle, [{ op: 'remove', path: '/nothing' }]), null);
    assert.deepEqual(applyStatePatch(states.idle, []), states.idle);
  });
});
