// The terminals of a USB sound device, out of its descriptors (USB Audio 1.0 section 4.3.2, 2.0 section 4.7.2; Terminal Types 1.0): what it says it is, such as
// a speakerphone that cancels echo. Pure; whatever the bytes are, it ends.

/** A speakerphone's terminals (Terminal Types 1.0 section 2.4). */
export const TERMINAL = { speakerphone: 0x0403, echoSuppressing: 0x0404, echoCancelling: 0x0405 } as const;

const INTERFACE = 0x04;
const CLASS_SPECIFIC_INTERFACE = 0x24;
const AUDIO = 0x01;
const AUDIO_CONTROL = 0x01;
const INPUT_TERMINAL = 0x02;
const OUTPUT_TERMINAL = 0x03;

/** @param descriptors as sysfs has them: device, configurations, and what is in those */
export function terminalTypes(descriptors: Uint8Array): ReadonlySet<number> {
  const types = new Set<number>();
  let inAudioControl = false;
  for (let at = 0; at + 2 <= descriptors.length; ) {
    const length = descriptors[at] ?? 0;
    if (length < 2 || at + length > descriptors.length) break;
    const [kind, subtype] = [descriptors[at + 1], descriptors[at + 2]];
    if (kind === INTERFACE && length >= 9) inAudioControl = descriptors[at + 5] === AUDIO && descriptors[at + 6] === AUDIO_CONTROL;
    else if (kind === CLASS_SPECIFIC_INTERFACE && inAudioControl && length >= 6 && (subtype === INPUT_TERMINAL || subtype === OUTPUT_TERMINAL))
      types.add((descriptors[at + 4] ?? 0) | ((descriptors[at + 5] ?? 0) << 8));
    at += length;
  }
  return types;
}
