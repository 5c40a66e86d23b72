// Where one story is shown: the real page on a room that is only told (story-room.ts). Both pages of the gallery begin here; they show the story
// that their address names, or what a test asks for by `window.cloisterStage`.
import type { ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { LANGUAGES, TEXT_SIZES, THEMES } from '../../src/kernel/panel-choices.ts';
import { RoomClient } from '../../src/ui/shared/room-client.ts';
import { RoomPage } from '../../src/ui/shared/room-page.tsx';
import { stories } from '../browser/fixtures/stories.ts';
import { PLAIN_VARIANT, STORY_TIME, type Story, type Variant } from '../browser/fixtures/story.ts';
import { type Asked, storyRoom } from './story-room.ts';

export type Stage = {
  /** Shows the story anew, without its steps, and resolves when it is painted. */
  show(name: string, variant: Variant): Promise<void>;
  /** What the page asked since the story began. */
  asked(): readonly Asked[];
};

declare global {
  interface Window {
    cloisterStage?: Stage;
  }
}

export function openStage(page: Story['page'], content: (story: Story) => ReactNode): void {
  startClockAt(Date.parse(STORY_TIME));
  const root = document.getElementById('root');
  if (root === null) throw new Error('the page has no root element');
  const tree = createRoot(root);
  let client: RoomClient | null = null;
  let asked: Asked[] = [];
  let shown = 0;

  const show = async (name: string, variant: Variant): Promise<void> => {
    const story = stories.find((each) => each.name === name && each.page === page);
    if (story === undefined) throw new Error(`the ${page} has no story ${name}`);
    client?.close();
    asked = [];
    shown += 1;
    const own = asked;
    const next = new RoomClient(
      storyRoom(story, variant, (question) => {
        own.push(question);
        window.parent.postMessage({ story: name, ...question }, location.origin);
      })
    );
    client = next;
    next.start();
    tree.render(
      <RoomPage key={shown} client={next}>
        {content(story)}
      </RoomPage>
    );
    await painted();
  };

  window.cloisterStage = { show, asked: () => asked };
  const address = new URLSearchParams(location.search);
  const name = address.get('story');
  if (name !== null) void showAddressed(name, address, show);
}

async function showAddressed(name: string, address: URLSearchParams, show: Stage['show']): Promise<void> {
  const chosen = <T extends string>(key: string, choices: readonly T[], otherwise: T): T => {
    const value = address.get(key);
    return choices.find((choice) => choice === value) ?? otherwise;
  };
  await show(name, {
    language: chosen('language', LANGUAGES, PLAIN_VARIANT.language),
    theme: chosen('theme', THEMES, PLAIN_VARIANT.theme),
    textSize: chosen('textSize', TEXT_SIZES, PLAIN_VARIANT.textSize)
  });
  for (const step of stories.find((story) => story.name === name)?.steps ?? []) {
    for (let frame = 0; frame < 120 && document.querySelector(`[data-testid="${step}"]`) === null; frame += 1) await painted();
    document.querySelector<HTMLElement>(`[data-testid="${step}"]`)?.click();
    await painted();
  }
}

/** Two frames: what React did before the first is on the screen after the second. */
function painted(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve())));
}

/** From here on the page's clock goes on from this instant. */
function startClockAt(instant: number): void {
  const offset = instant - Date.now();
  const realNow = Date.now.bind(Date);
  const now = (): number => realNow() + offset;
  window.Date = new Proxy(Date, {
    construct: (RealDate, given: ConstructorParameters<typeof Date> | []) => (given.length === 0 ? new RealDate(now()) : new RealDate(...given)),
    get: (RealDate, name) => (name === 'now' ? now : Reflect.get(RealDate, name))
  });
}
