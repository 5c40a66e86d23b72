// The room behind a story, as far as a page sees it: it tells the story's state, answers what the story says, and does nothing.
import type { RoomState } from '../../src/room/state.ts';
import type { EventStream, RoomClient } from '../../src/ui/shared/room-client.ts';
import type { Refusal, Story, Variant } from '../browser/fixtures/story.ts';

type ClientOptions = ConstructorParameters<typeof RoomClient>[0];

/** What a page asked of the room. `answered`: false where the story does not know an answer. */
export type Asked = { readonly method: string; readonly path: string; readonly body: unknown; readonly answered: boolean };

function stateOf(story: Story, variant: Variant): RoomState | null {
  return story.state === null ? null : { ...story.state, settings: { ...story.state.settings, ...variant } };
}

export function storyRoom(story: Story, variant: Variant, onAsked: (asked: Asked) => void): ClientOptions {
  return {
    openEvents: () => storyEvents(stateOf(story, variant), story.online ?? true),
    fetch: async (url, init) => {
      const method = init.method ?? 'GET';
      const path = new URL(url, location.href).pathname;
      if (path === '/healthz') return Response.json({});
      const answer = story.answers?.[`${method} ${path}`];
      const body: unknown = typeof init.body === 'string' ? JSON.parse(init.body) : null;
      onAsked({ method, path, body, answered: answer !== undefined || method !== 'GET' });
      if (answer !== undefined) return isRefusal(answer) ? refused(answer.refused) : Response.json(answer);
      if (method === 'GET') return refused('CL_NOT_FOUND');
      return path.endsWith('ticket') ? refused('CL_CALL_WRONG_PHASE') : new Response(null, { status: 204 });
    },
    clock: {
      schedule: (delayMs, run) => {
        const handle = window.setTimeout(run, delayMs);
        return { cancel: () => window.clearTimeout(handle) };
      }
    }
  };
}

const isRefusal = (answer: unknown): answer is Refusal => typeof answer === 'object' && answer !== null && 'refused' in answer;

const refused = (code: string): Response => Response.json({ code }, { status: 409 });

function storyEvents(state: RoomState | null, online: boolean): EventStream {
  const listeners: [type: string, listener: (event: { readonly data?: unknown }) => void][] = [];
  const tell = (type: string, data?: unknown): void => {
    for (const [wanted, listener] of listeners) if (wanted === type) listener({ data });
  };
  queueMicrotask(() => {
    if (state !== null) tell('state', JSON.stringify(state));
    if (!online) tell('error');
  });
  return {
    readyState: 0, // EventSource.CONNECTING
    close: () => listeners.splice(0),
    addEventListener: (type, listener) => void listeners.push([type, listener])
  };
}
