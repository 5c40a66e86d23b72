// What a configured choice of source is called for people, before it was opened. Pure: the agent uses it too, and must not load native codecs.
import type { SourceView } from '../../room/state.ts';
import type { SourceChoice } from '../port.ts';

export const FILE_PREFIX = 'file:';
/** The test picture with a time that a bench reads back (time-code.ts). */
export const TIME_CODE_CHOICE = 'test:timecode';
export const SCREEN_PREFIX = 'screen:';
export const WINDOW_PREFIX = 'window:';
export const TEST_PICTURE_VIEW: SourceView = { kind: 'test', name: 'Test picture' };
export const TEST_PAGE_VIEW: SourceView = { kind: 'test', name: 'Test page' };
export const TEST_TONE_VIEW: SourceView = { kind: 'test', name: 'Test tone' };

const TEST_VIEWS = { audio: TEST_TONE_VIEW, video: TEST_PICTURE_VIEW, screen: TEST_PAGE_VIEW } as const;

/** The last part of the path; either separator, so that a Windows path is short too. */
export const fileView = (path: string): SourceView => ({ kind: 'file', name: path.split(/[\\/]/).at(-1) ?? path });

/** `auto` may turn out to be the test source. */
export function viewOfChoice(choice: SourceChoice, kind: 'audio' | 'video' | 'screen'): SourceView {
  if (choice === 'test' || choice === TIME_CODE_CHOICE) return TEST_VIEWS[kind];
  if (choice.startsWith(WINDOW_PREFIX)) return { kind: 'device', name: 'Window' };
  if (choice.startsWith(FILE_PREFIX)) return fileView(choice.slice(FILE_PREFIX.length));
  return { kind: 'device', name: choice };
}
