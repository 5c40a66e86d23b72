// Which devices are tried for a configured choice, and what is said of a source that is away. Pure.

import type { SourceView } from '../../room/state.ts';
import type { MediaDevice, SourceChoice } from '../port.ts';
import { FILE_PREFIX, TIME_CODE_CHOICE, viewOfChoice } from './source-view.ts';

/** `auto` and names; the others need no device. */
export const isDeviceChoice = (choice: SourceChoice): boolean =>
  choice !== 'none' && choice !== 'test' && choice !== TIME_CODE_CHOICE && !choice.startsWith(FILE_PREFIX);

/**
 * Best first. A choice that is named in the configuration stays one, whether it is listed or not.
 * @param listed what the agent says there is
 */
export function devicesFor(choice: SourceChoice, listed: readonly MediaDevice[]): readonly MediaDevice[] {
  if (choice === 'auto') return listed;
  return [listed.find(({ path, name }) => path === choice || name === choice) ?? { path: choice, name: choice, cancelsEcho: false }];
}

/** What it is called where there is none. */
export const NO_DEVICE = { camera: 'No camera', microphone: 'No microphone' } as const;

/** What would be used now, before anything was opened. */
export function idleView(kind: 'camera' | 'microphone', choice: SourceChoice, listed: readonly MediaDevice[] | null): SourceView {
  if (choice !== 'auto' || listed === null) return viewOfChoice(choice, kind === 'camera' ? 'video' : 'audio');
  const [first] = listed;
  return first === undefined ? { kind: 'away', name: NO_DEVICE[kind] } : { kind: 'device', name: first.name };
}
