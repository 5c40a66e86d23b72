// A USB speakerphone on the kernel's own gadget side (dummy_hcd, configfs: Documentation/usb/gadget_configfs.rst): HID telephony and USB Audio 2.0 on one cable, with a serial
// number and a port that are real to the host side of the same kernel.
import type { Guest } from './guest.ts';
import type { SpeakerphoneModel } from './speakerphones.ts';

export const GADGET_MODULES: readonly string[] = ['dummy_hcd', 'libcomposite', 'usb_f_hid', 'usb_f_uac2', 'usbhid', 'hid-generic', 'snd-usb-audio'];

export type UsbGadget = { plug(): Promise<void>; unplug(): Promise<void> };

const GADGET = '/sys/kernel/config/usb_gadget/speakerphone';

/** Made, and not plugged in. */
export async function makeUsbGadget(guest: Guest, model: SpeakerphoneModel): Promise<UsbGadget> {
  const hex = (number: number): string => `0x${number.toString(16)}`;
  const bytes = model.descriptor.replace(/../g, '\\x$&');
  const texts = { serialnumber: model.serial, manufacturer: 'Cloister Lab', product: model.name };
  await guest.shell(`set -e
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
mkdir ${GADGET}
cd ${GADGET}
echo ${hex(model.vendorId)} >idVendor
echo ${hex(model.productId)} >idProduct
mkdir strings/0x409
${Object.entries(texts)
  .map(([name, text]) => `echo '${text}' >strings/0x409/${name}`)
  .join('\n')}
mkdir configs/c.1 functions/hid.0 functions/uac2.0
echo 64 >functions/hid.0/report_length
printf '${bytes}' >functions/hid.0/report_desc
for way in c p; do
  echo 1 >functions/uac2.0/\${way}_chmask
  echo 48000 >functions/uac2.0/\${way}_srate
done
ln -s functions/hid.0 functions/uac2.0 configs/c.1/`);
  return {
    plug: async () => void (await guest.shell(`ls /sys/class/udc | head -n 1 >${GADGET}/UDC`)),
    unplug: async () => void (await guest.shell(`echo >${GADGET}/UDC`))
  };
}
