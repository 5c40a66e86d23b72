// What runs between the agent and the process that tries one device: what is to be tried, what it gives, and tickets for its picture.
import type { DeviceKind, DeviceProblem, SoundLevel } from '../room/state.ts';
import type { CaptureFormat, SourceChoice } from './port.ts';

export type TriedDevice = {
  readonly kind: DeviceKind;
  /** A device's path; for cameras and microphones also a source that needs none, as the configuration names it. */
  readonly choice: SourceChoice;
  readonly name: string;
  readonly format?: CaptureFormat;
};

/** Where this room's pages are served from: they alone get the picture. */
export type TestPages = { readonly host: string; readonly origins: readonly string[] };

export type ToTest = { readonly type: 'begin'; readonly device: TriedDevice; readonly pages: TestPages } | { readonly type: 'ticket' };

export type FromTest =
  | { readonly type: 'level'; readonly level: SoundLevel }
  /** Null: it is well again. */
  | { readonly type: 'problem'; readonly problem: DeviceProblem | null }
  | { readonly type: 'ticket'; readonly url: string | null }
  /** The tone was played. */
  | { readonly type: 'played' }
  /** No page has had the picture for a while: the panel may be gone, and a camera that nobody looks through is off. */
  | { readonly type: 'unwatched' };
