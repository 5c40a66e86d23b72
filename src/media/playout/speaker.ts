// What a loudspeaker of the room is to the play-out.

export type Speaker = {
  readonly path: string;
  /** Rejects when the device is gone; it still has to be closed. */
  readonly lost: Promise<never>;
  /** Takes samples of 48 kHz mono, plays them after those before, and waits for nothing. */
  write(samples: Int16Array): void;
  /** How long what was written and not played will sound. */
  queuedMs(): number;
  /** Resolves when the device is released. */
  close(): Promise<void>;
};
