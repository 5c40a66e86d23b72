// The room's touch console: a HID touch screen that is seen in the list and never opened (a desktop has it). Pure: what is there, what was there before,
// what to remember.
import type { HidView } from '../../room/state.ts';

/** Models, vendor:product in hex. */
export type ConsoleFacts = {
  /** devices.console in the configuration. */
  readonly setting: string;
  readonly here: readonly string[];
  readonly remembered: readonly string[];
};
export type ConsoleVerdict = { readonly console: HidView['console']; readonly remember: readonly string[] };

/** A room has one or two; what more is remembered is somebody playing. */
const MAX_REMEMBERED = 8;

export function consoleVerdict({ setting, here, remembered }: ConsoleFacts): ConsoleVerdict {
  if (setting === 'none') return { console: 'none', remember: remembered };
  if (setting !== 'auto') return { console: here.includes(setting) ? 'present' : 'away', remember: remembered };
  const gone = remembered.some((model) => !here.includes(model));
  const added = here.some((model) => !remembered.includes(model));
  // One that was never seen beside the one that is gone has taken its place.
  if (added) return { console: 'present', remember: [...new Set(here)].sort().slice(0, MAX_REMEMBERED) };
  if (gone) return { console: 'away', remember: remembered };
  return { console: here.length > 0 ? 'present' : 'none', remember: remembered };
}

const MODEL = /^[0-9a-f]{4}:[0-9a-f]{4}$/;

/** What a file says was remembered; nothing where it is damaged: then the console is met anew. */
export function rememberedConsoles(text: string | null): readonly string[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? value.filter((model): model is string => typeof model === 'string' && MODEL.test(model)).slice(0, MAX_REMEMBERED) : [];
  } catch {
    return [];
  }
}
