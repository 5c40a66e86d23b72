// The seam to HID devices: listing, opening, reading and writing. node-hid.ts has the real one, tests have one with a firmware model.
// Report bytes begin with the report id, 0 where the device uses none: in both directions, whatever the platform does.

/** One row of node-hid: on Linux all top-level collections of a device have one path, on Windows each has its own. */
export type HidRow = {
  readonly vendorId: number;
  readonly productId: number;
  readonly path?: string | undefined;
  readonly serialNumber?: string | undefined;
  readonly product?: string | undefined;
  readonly manufacturer?: string | undefined;
  /** Undefined stands for zero. */
  readonly usagePage?: number | undefined;
  readonly usage?: number | undefined;
  readonly interface?: number | undefined;
};

export type HidConnection = {
  /** @throws CloisterError CL_DEVICE_WRITE */
  write(report: Uint8Array): Promise<void>;
  /** One listener. */
  onReport(listener: (report: Uint8Array) => void): void;
  /** The device is gone; once, and never after close(). */
  onLost(listener: (why: string) => void): void;
  close(): Promise<void>;
};

export type HidTransport = {
  list(): Promise<readonly HidRow[]>;
  /** @throws CloisterError CL_DEVICE_PERMISSION (EACCES), CL_DEVICE_OPEN */
  open(path: string, usesReportIds: boolean): Promise<HidConnection>;
};

/** Where a device's report descriptor comes from; null where nobody can tell. */
export type DescriptorSource = (row: HidRow) => Promise<Uint8Array | null>;
