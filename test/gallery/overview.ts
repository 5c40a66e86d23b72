// The gallery's index: every story as a large preview, in the language, theme, text size and size that were chosen, and what the pages ask of
// the room. What is chosen is in the address, so that it can be handed on.
import { LANGUAGES, TEXT_SIZES, THEMES } from '../../src/kernel/panel-choices.ts';
import { stories } from '../browser/fixtures/stories.ts';
import { DISPLAY_SIZES, PANEL_SIZES, PLAIN_VARIANT, type Story } from '../browser/fixtures/story.ts';

const PREVIEW_WIDTH = 640;
const ASKED_LINES = 200;

const sizeName = ({ width, height }: { width: number; height: number }): string => `${width}×${height}`;

const CHOICES: Readonly<Record<string, { readonly label: string; readonly of: readonly string[]; readonly first: string }>> = {
  page: { label: 'Page', of: ['both', 'panel', 'display'], first: 'both' },
  theme: { label: 'Theme', of: THEMES, first: PLAIN_VARIANT.theme },
  language: { label: 'Language', of: LANGUAGES, first: PLAIN_VARIANT.language },
  textSize: { label: 'Text', of: TEXT_SIZES, first: PLAIN_VARIANT.textSize },
  panel: { label: 'Panel', of: PANEL_SIZES.map(sizeName), first: '1280×800' },
  display: { label: 'Display', of: DISPLAY_SIZES.map(sizeName), first: '1920×1080' }
};

function element<K extends keyof HTMLElementTagNameMap>(kind: K, properties: Partial<HTMLElementTagNameMap[K]> = {}): HTMLElementTagNameMap[K] {
  return Object.assign(document.createElement(kind), properties);
}

function part(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}

const chosen = new URLSearchParams(location.search);
const choice = (key: string): string => chosen.get(key) ?? CHOICES[key]?.first ?? '';

function sizeOf(story: Story): { width: number; height: number } {
  if (story.size !== undefined) return story.size;
  const [width = 1280, height = 800] = choice(story.page).split('×').map(Number);
  return { width, height };
}

function preview(story: Story): HTMLElement {
  const { width, height } = sizeOf(story);
  const scale = PREVIEW_WIDTH / width;
  const address = `./${story.page}.html?${new URLSearchParams({
    story: story.name,
    theme: choice('theme'),
    language: choice('language'),
    textSize: choice('textSize')
  })}`;
  const article = element('article');
  const frame = element('div', { className: 'frame' });
  Object.assign(frame.style, { width: `${PREVIEW_WIDTH}px`, height: `${height * scale}px` });
  const page = element('iframe', { src: address, loading: 'lazy', title: story.name });
  Object.assign(page.style, { width: `${width}px`, height: `${height}px`, transform: `scale(${scale})` });
  frame.append(page);
  article.append(element('a', { href: address, target: '_blank', textContent: `${story.page}: ${story.name}` }), frame);
  return article;
}

function show(): void {
  const words = (chosen.get('name') ?? '').toLowerCase().split(/\s+/);
  const page = choice('page');
  const found = stories.filter((story) => (page === 'both' || page === story.page) && words.every((word) => story.name.includes(word)));
  part('stories').replaceChildren(...found.map(preview));
  part('count').textContent = `${found.length} of ${stories.length} stories`;
  history.replaceState(null, '', `?${chosen}`);
}

function choose(key: string, value: string): void {
  chosen.set(key, value);
  show();
}

for (const [key, { label, of }] of Object.entries(CHOICES)) {
  const select = element('select', { name: key });
  select.append(...of.map((value) => element('option', { value, textContent: value, selected: value === choice(key) })));
  select.addEventListener('change', () => choose(key, select.value));
  const field = element('label', { textContent: label });
  field.append(select);
  part('controls').append(field);
}
const name = element('input', { type: 'search', name: 'name', value: chosen.get('name') ?? '' });
name.addEventListener('input', () => choose('name', name.value));
const field = element('label', { textContent: 'Name' });
field.append(name);
part('controls').append(field);
part('controls').addEventListener('submit', (event) => event.preventDefault());

window.addEventListener('message', ({ origin, data }: MessageEvent<{ story: string; method: string; path: string; body: unknown; answered: boolean }>) => {
  if (origin !== location.origin) return;
  const asked = `${data.story}: ${data.method} ${data.path} ${data.body === null ? '' : JSON.stringify(data.body)}${data.answered ? '' : ' (the story has no answer)'}`;
  part('asked').prepend(element('li', { textContent: asked }));
  while (part('asked').childElementCount > ASKED_LINES) part('asked').lastElementChild?.remove();
});
show();
