// What a microphone's or camera's button says. The icon is what leaves the room, never what was pressed; where the two differ, it says so.
import type { RoomState } from '../../room/state.ts';

export type SourceControl = {
  /** Packets leave this room. */
  readonly sending: boolean;
  /** What was asked for is not so yet. */
  readonly changing: boolean;
  /** What a touch asks for: always the opposite of what was asked for last, so that a second touch takes the first back. */
  readonly next: 'on' | 'off';
};

export function sourceControl(sending: boolean, wanted: boolean): SourceControl {
  return { sending, changing: sending !== wanted, next: wanted ? 'off' : 'on' };
}

/** The camera in use says that its shutter is closed: what leaves is black, whatever the button says. */
export const isShuttered = ({ camera, media }: Pick<RoomState['devices'], 'camera' | 'media'>): boolean =>
  camera.kind === 'device' && media.some(({ kind, name, shutter }) => kind === 'camera' && name === camera.name && shutter === 'closed');
