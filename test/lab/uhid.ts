// HID devices of our own making, behind the kernel's real HID layer: the wire format of /dev/uhid (linux/uhid.h, Documentation/hid/uhid.rst).
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';

export type UhidDescription = {
  readonly name: string;
  readonly vendorId: number;
  readonly productId: number;
  readonly serial: string;
  /** Where it says that it is plugged in. */
  readonly port: string;
  readonly descriptor: Uint8Array;
};

export type UhidDevice = {
  /** From the device to the host; begins with the report id where the descriptor has ids. */
  input(report: Uint8Array): void;
  /** As if the cable was pulled. */
  destroy(): void;
};

export type UhidEvents = {
  /** From the host: an output report, with its id where the descriptor has ids. */
  onOutput(report: Uint8Array): void;
  /** A driver has taken it: the kernel knows the device now. */
  onStart(): void;
};

// enum uhid_event_type
const DESTROY = 1;
const START = 2;
const OUTPUT = 6;
const GET_REPORT = 9;
const GET_REPORT_REPLY = 10;
const CREATE2 = 11;
const INPUT2 = 12;
const SET_REPORT = 13;
const SET_REPORT_REPLY = 14;

const DATA_MAX = 4096;
/** sizeof(struct uhid_event): its type, and the longest of its forms, which is that of CREATE2. */
const EVENT_BYTES = 4 + 128 + 64 + 64 + 2 + 2 + 4 * 4 + DATA_MAX;
const BUS_USB = 3;
const OUTPUT_REPORT = 1;
const EIO = 5;
const LOOK_EVERY_MS = 10;

/** @throws where this user may not open /dev/uhid */
export function createUhidDevice(description: UhidDescription, events: UhidEvents): UhidDevice {
  // Not blocking: a read that waits would hold one of Node's few threads for each device.
  let file: number | null = openSync('/dev/uhid', constants.O_RDWR | constants.O_NONBLOCK);
  const write = (event: Buffer): void => {
    if (file !== null) writeSync(file, event);
  };
  const event = (type: number, bytes: number): Buffer => {
    const made = Buffer.alloc(4 + bytes);
    made.writeUInt32LE(type);
    return made;
  };

  const create = event(CREATE2, EVENT_BYTES - 4);
  create.write(description.name.slice(0, 127), 4);
  create.write(description.port.slice(0, 63), 132);
  create.write(description.serial.slice(0, 63), 196);
  create.writeUInt16LE(description.descriptor.length, 260);
  create.writeUInt16LE(BUS_USB, 262);
  create.writeUInt32LE(description.vendorId, 264);
  create.writeUInt32LE(description.productId, 268);
  create.set(description.descriptor, 280);
  write(create);

  const take = (received: Buffer): void => {
    const type = received.readUInt32LE();
    if (type === START) events.onStart();
    else if (type === OUTPUT) events.onOutput(Uint8Array.from(received.subarray(4, 4 + received.readUInt16LE(4 + DATA_MAX))));
    else if (type === SET_REPORT) {
      // The id of the question, the report's number, its kind, its length, its bytes.
      const reply = event(SET_REPORT_REPLY, 6);
      received.copy(reply, 4, 4, 8);
      write(reply);
      if (received[9] === OUTPUT_REPORT) events.onOutput(Uint8Array.from(received.subarray(12, 12 + received.readUInt16LE(10))));
    } else if (type === GET_REPORT) {
      const reply = event(GET_REPORT_REPLY, 8 + DATA_MAX);
      received.copy(reply, 4, 4, 8);
      reply.writeUInt16LE(EIO, 8);
      write(reply);
    }
  };
  const received = Buffer.alloc(EVENT_BYTES);
  const timer = setInterval(() => {
    while (file !== null) {
      try {
        readSync(file, received);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return;
        throw error;
      }
      take(received);
    }
  }, LOOK_EVERY_MS);

  return {
    input(report) {
      const sent = event(INPUT2, 2 + DATA_MAX);
      sent.writeUInt16LE(report.length, 4);
      sent.set(report, 6);
      write(sent);
    },
    destroy() {
      if (file === null) return;
      clearInterval(timer);
      write(event(DESTROY, 0));
      closeSync(file);
      file = null;
    }
  };
}
