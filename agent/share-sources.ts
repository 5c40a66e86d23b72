// What can be shared from this room, and what of it a person chose: ids that people's pages send become source choices of the media process here.
// Invariant: an id is only ever compared with those that are offered now, so that it can name nothing else and is no part of an option.
import type { DesktopWindow } from '../src/devices/desktop/desktop-text.ts';
import { CloisterError } from '../src/kernel/errors.ts';
import type { SourceChoice } from '../src/media/port.ts';
import { FILE_PREFIX, fileView, SCREEN_PREFIX, TEST_PAGE_VIEW, WINDOW_PREFIX } from '../src/media/source/source-view.ts';
import type { DeviceView } from '../src/room/state.ts';
import type { ShareSource } from '../src/ui-server/port.ts';

export type ShareSourcesOptions = {
  /** media.screen of the configuration. */
  readonly choice: SourceChoice;
  /** The X display that this program runs on, such as `:0`; `windows` where the system has one desktop; null: none. */
  readonly desktop: string | 'windows' | null;
  /** The windows that can be captured now. */
  readonly windows: () => Promise<readonly DesktopWindow[]>;
  /** The capture inputs, asked about their signal now. */
  readonly inputs: () => Promise<readonly DeviceView[]>;
  readonly pathOf: (id: string) => string | null;
};

export type ShareSources = {
  list(): Promise<readonly ShareSource[]>;
  /** @throws CloisterError CL_DEVICE_UNKNOWN where nothing that is offered now has this id */
  choiceOf(id: string): Promise<SourceChoice>;
};

type Offered = ShareSource & { readonly choice: SourceChoice };

export function createShareSources({ choice, desktop, windows, inputs, pathOf }: ShareSourcesOptions): ShareSources {
  async function offered(): Promise<readonly Offered[]> {
    // What the configuration says about sharing at all holds for windows and inputs, too.
    if (choice === 'none') return [];
    const [shownWindows, listedInputs] = await Promise.all([desktop === null ? [] : windows(), inputs()]);
    return [
      ...configured(choice),
      ...(desktop === null ? [] : [{ id: 'screen', kind: 'screen' as const, name: 'Screen', choice: 'screen' }]),
      ...shownWindows.map(({ id, title }): Offered => ({ id: `window:${id}`, kind: 'window', name: title, choice: `${WINDOW_PREFIX}${id}` })),
      ...listedInputs.flatMap(({ id, kind, present, name, problem }): Offered[] => {
        const path = pathOf(id);
        return kind === 'content' && present && problem === null && path !== null ? [{ id: `input:${id}`, kind: 'input', name, choice: path }] : [];
      })
    ];
  }
  return {
    list: async () => (await offered()).map(({ id, kind, name }) => ({ id, kind, name })),
    async choiceOf(id) {
      const found = (await offered()).find((source) => source.id === id);
      if (found === undefined) throw new CloisterError('CL_DEVICE_UNKNOWN', 'What was to be shared is not there any more.');
      return found.choice;
    }
  };
}

/** What only the configuration can name. */
function configured(choice: SourceChoice): readonly Offered[] {
  if (choice === 'test') return [{ id: 'test', kind: 'test', name: TEST_PAGE_VIEW.name, choice }];
  if (choice.startsWith(FILE_PREFIX)) return [{ id: 'file', kind: 'file', name: fileView(choice.slice(FILE_PREFIX.length)).name, choice }];
  if (choice.startsWith(SCREEN_PREFIX)) return [{ id: 'configured-screen', kind: 'screen', name: `Screen ${choice.slice(SCREEN_PREFIX.length)}`, choice }];
  return [];
}
