// A USB device with several HID interfaces, on the kernel's own gadget side (dummy_hcd; Documentation/usb/gadget_configfs.rst): serial number and port are real to the host side of
// the same kernel. No sound: dummy_hcd has no isochronous endpoints.
import type { Guest } from './guest.ts';

export const GADGET_MODULES: readonly string[] = ['dummy_hcd', 'libcomposite', 'usb_f_hid', 'usbhid', 'hid-generic'];

export type UsbDescription = {
  readonly name: string;
  readonly vendorId: number;
  readonly productId: number;
  readonly serial: string;
  /** Of each interface. */
  readonly descriptors: readonly Uint8Array[];
};

export type UsbGadget = { plug(): Promise<void>; unplug(): Promise<void> };

const GADGET = '/sys/kernel/config/usb_gadget/speakerphone';

/** Made, and not plugged in. */
export async function makeUsbGadget(guest: Guest, device: UsbDescription): Promise<UsbGadget> {
  const hex = (number: number): string => `0x${number.toString(16)}`;
  const texts = { serialnumber: device.serial, manufacturer: 'Cloister Lab', product: device.name };
  const functions = device.descriptors.map((descriptor, index) => ({
    name: `functions/hid.${index}`,
    // Through a file: the shell writes line by line, and of several writes configfs keeps the last.
    bytes: Buffer.from(descriptor).toString('hex').replace(/../g, '\\x$&')
  }));
  await guest.shell(`set -e
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
mkdir ${GADGET}
cd ${GADGET}
echo ${hex(device.vendorId)} >idVendor
echo ${hex(device.productId)} >idProduct
mkdir strings/0x409 configs/c.1
${Object.entries(texts)
  .map(([name, text]) => `echo '${text}' >strings/0x409/${name}`)
  .join('\n')}
${functions.map(({ name, bytes }) => `mkdir ${name}\necho 64 >${name}/report_length\nprintf '${bytes}' >/run/report_desc\ncat /run/report_desc >${name}/report_desc\nln -s ${name} configs/c.1/`).join('\n')}`);
  return {
    plug: async () => void (await guest.shell(`ls /sys/class/udc | head -n 1 >${GADGET}/UDC`)),
    unplug: async () => void (await guest.shell(`echo >${GADGET}/UDC`))
  };
}
