// HID devices through node-hid, the only file that imports it. It is loaded with the first use: a machine whose HID part does not load is still a room.
// Its 'error' brings a string and is the only sign of unplugging; hidraw validates nothing, so that what is written has to be right before it comes here.
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { HIDAsync } from 'node-hid';
import { CloisterError, hasSystemCode } from '../../kernel/errors.ts';
import type { HidConnection, HidRow, HidTransport } from './transport.ts';

export const nodeHidTransport: HidTransport = {
  async list(): Promise<readonly HidRow[]> {
    const { devicesAsync } = await import('node-hid');
    return devicesAsync();
  },
  async open(path, usesReportIds) {
    const { HIDAsync } = await import('node-hid');
    let device: HIDAsync;
    try {
      device = await HIDAsync.open(path);
    } catch (error) {
      throw (await isForbidden(path)) ? new CloisterError('CL_DEVICE_PERMISSION') : new CloisterError('CL_DEVICE_OPEN', textOf(error), { cause: error });
    }
    return connect(device, usesReportIds);
  }
};

/** hidapi's error is a text alone; what the system thinks of this user can be asked. On Windows a path is no file. */
async function isForbidden(path: string): Promise<boolean> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
    return false;
  } catch (error) {
    return hasSystemCode(error, 'EACCES', 'EPERM');
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function connect(device: HIDAsync, usesReportIds: boolean): HidConnection {
  let gone = false;
  let closing: Promise<void> | null = null;

  async function close(): Promise<void> {
    gone = true;
    // It waits for the thread that reads, 50 ms at most.
    closing ??= device.close().catch(() => {});
    await closing;
  }

  async function write(report: Uint8Array): Promise<void> {
    if (gone) throw new CloisterError('CL_DEVICE_WRITE', 'the device is gone');
    try {
      await device.write(Buffer.from(report));
    } catch (error) {
      throw new CloisterError('CL_DEVICE_WRITE', textOf(error), { cause: error });
    }
  }

  return {
    write,
    onReport(listener) {
      device.on('data', (bytes: Buffer) => {
        if (!gone) listener(usesReportIds ? Uint8Array.from(bytes) : Uint8Array.from([0, ...bytes]));
      });
    },
    onLost(listener) {
      device.on('error', (error: unknown) => {
        if (gone) return;
        void close();
        listener(textOf(error));
      });
    },
    close
  };
}
