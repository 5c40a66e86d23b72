// Reads what xwininfo and xprop print of an X display's windows. Pure and total: what is not understood is no window.
// A title is somebody's text: it is cut, freed of control characters, and never part of an argument.

export type DesktopWindow = { readonly id: string; readonly title: string };

const MAX_TITLE = 120;
/** Smaller ones are menus' shadows and the like. */
const LEAST_PIXELS = 64;
const WINDOW = /^\s*(0x[0-9a-f]{1,8}) (?:"(.*)"|\(has no name\)): \((?:"(.*)" "(.*)")?\) {2}(\d+)x(\d+)[+-]/;
/** What Chromium calls the windows of an app at our two addresses, and what our two pages call themselves. */
const OWN_INSTANCE = /__(?:panel|display)\/?$/;
const OWN_TITLE = /^Cloister (?:panel|display)(?: [-–—] .*)?$/;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g;

export const isWindowId = (text: string): boolean => /^0x[0-9a-f]{1,8}$/.test(text);

export function cleanTitle(title: string): string {
  const clean = title.replace(CONTROLS, ' ').trim();
  return clean.length > MAX_TITLE ? `${clean.slice(0, MAX_TITLE - 1)}…` : clean;
}

/**
 * @param tree what `xwininfo -root -tree` prints
 * @returns the windows that belong to a program and have a name, in the order of their stacking, without this room's own pages
 */
export function windowsOfTree(tree: string): readonly DesktopWindow[] {
  const found = new Map<string, DesktopWindow>();
  for (const line of tree.split('\n')) {
    const [, id, name, instance, className, width, height] = WINDOW.exec(line) ?? [];
    if (id === undefined || className === undefined || Number(width) < LEAST_PIXELS || Number(height) < LEAST_PIXELS) continue;
    const title = cleanTitle(name ?? className);
    if (title === '' || OWN_INSTANCE.test(instance ?? '') || OWN_TITLE.test(title)) continue;
    if (!found.has(id)) found.set(id, { id, title });
  }
  return [...found.values()];
}

/**
 * @param list what `xprop -root _NET_CLIENT_LIST` prints
 * @returns the windows that a window manager manages; null where there is none
 */
export function managedWindows(list: string): readonly string[] | null {
  const [, ids] = /^_NET_CLIENT_LIST\(WINDOW\): window id # (.*)$/m.exec(list) ?? [];
  return ids === undefined ? null : ids.split(', ').filter(isWindowId);
}

/** @param info what `xwininfo -id` prints of one window */
export const isViewable = (info: string): boolean => /^\s*Map State: IsViewable$/m.test(info);

/** Top-level windows alone, where no window manager says which those are: `xwininfo -root -children`. */
export const childrenOfRoot = (children: string): readonly string[] => children.split('\n').flatMap((line) => WINDOW.exec(line)?.[1] ?? []);
