// Which devices are tried for a configured choice, and what is said of a source that is away. Pure.
import type { MediaDevice, SourceChoice } from '../port.ts';
import { FILE_PREFIX, TIME_CODE_CHOICE } from './source-view.ts';

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
