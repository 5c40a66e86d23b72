// The room's state as server-sent events (HTML, "Server-sent events"). Invariants: a bounded number of listeners, and those elsewhere take no place of the
// room's own pages and are no display of it; what waits for one listener is
// bounded, who does not keep up is dropped and gets a snapshot when it comes again; nobody waits on a security code that is gone.
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../kernel/clock.ts';
import { CloisterError } from '../kernel/errors.ts';
import type { Scope } from '../kernel/scope.ts';
import type { RoomState } from '../room/state.ts';
import type { RoomPort } from './port.ts';
import { createStateFeed, type StateEvent } from './state-feed.ts';

const MAX_LISTENERS = 32;
const MAX_LISTENERS_ELSEWHERE = 16;
const MAX_WAITING_BYTES = 256 * 1024;
const HEARTBEAT_MS = 15_000;
const RETRY_MS = 300;

export type EventStream = {
  /**
   * Serves one listener until it goes or is dropped.
   * @param elsewhere it is no page of this device
   * @throws CloisterError CL_LISTENERS_FULL
   */
  serve(request: IncomingMessage, response: ServerResponse, elsewhere?: boolean): void;
  readonly listeners: number;
};

type Listener = {
  readonly response: ServerResponse;
  readonly elsewhere: boolean;
  /** A display's page, and whether its browser lets it play sound; null for anything else that listens. */
  readonly display: { readonly sounds: boolean } | null;
  /** Bytes were waiting at the last heartbeat already. */
  behind: boolean;
};

const frame = ({ id, type, data }: StateEvent): string => `id: ${id}\nevent: ${type}\ndata: ${data}\n\n`;

/** `?page=display`, and `&sound=on` once the page may play. */
function displayOf(url: string): Listener['display'] {
  const asked = new URLSearchParams(url.slice(url.indexOf('?') + 1));
  return asked.get('page') === 'display' ? { sounds: asked.get('sound') === 'on' } : null;
}

export function openEventStream(room: Pick<RoomPort, 'state' | 'subscribe' | 'setDisplays'>, scope: Scope, clock: Clock): EventStream {
  const feed = createStateFeed(room.state(), randomBytes(8).toString('hex'));
  const listeners = new Set<Listener>();

  function leave(listener: Listener): void {
    if (listeners.delete(listener) && listener.display !== null) tellDisplays();
  }

  function tellDisplays(): void {
    const displays = [...listeners].flatMap(({ display }) => display ?? []);
    room.setDisplays({ open: displays.length, sounding: displays.filter(({ sounds }) => sounds).length });
  }

  function drop(listener: Listener): void {
    leave(listener);
    listener.response.destroy();
  }

  function write(listener: Listener, text: string): void {
    listener.response.write(text);
    if (listener.response.writableLength > MAX_WAITING_BYTES) drop(listener);
  }

  function update(state: RoomState): void {
    const change = feed.update(state);
    if (change === null) return;
    const text = frame(change.event);
    for (const listener of listeners) {
      // What still waits for this one may hold the code that is not current any more.
      if (change.codeGone && listener.response.writableNeedDrain) drop(listener);
      else write(listener, text);
    }
  }

  scope.own(room.subscribe(update));
  scope.every(clock, HEARTBEAT_MS, () => {
    for (const listener of listeners) {
      const waiting = listener.response.writableLength > 0;
      if (waiting && listener.behind) drop(listener);
      else write(listener, ': still here\n\n');
      listener.behind = waiting;
    }
  });
  scope.own(() => {
    for (const listener of listeners) drop(listener);
  });

  return {
    serve(request, response, elsewhere = false) {
      const alike = [...listeners].filter((each) => each.elsewhere === elsewhere).length;
      if (alike >= (elsewhere ? MAX_LISTENERS_ELSEWHERE : MAX_LISTENERS)) throw new CloisterError('CL_LISTENERS_FULL');
      response.setHeader('content-type', 'text/event-stream; charset=utf-8');
      if (request.method === 'HEAD') {
        response.end();
        return;
      }
      // The room tells of changes a turn later: whoever comes in between must not get a state that is over.
      update(room.state());
      const display = elsewhere ? null : displayOf(request.url ?? '');
      const listener: Listener = { response, elsewhere, display, behind: false };
      listeners.add(listener);
      response.on('close', () => leave(listener));
      response.on('error', () => drop(listener));
      const lastEventId = request.headers['last-event-id'];
      const missed = feed.since(typeof lastEventId === 'string' ? lastEventId : undefined);
      write(listener, `retry: ${RETRY_MS}\n\n${missed.map(frame).join('')}`);
      if (listener.display !== null && listeners.has(listener)) tellDisplays();
    },
    get listeners() {
      return listeners.size;
    }
  };
}
