// Microphones and loudspeakers of a Linux machine: ALSA's PCM devices, out of sysfs and /proc/asound. Opens none of them, since who has one open keeps others out.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCards, parsePcmName, parseStream } from './alsa-text.ts';
import { printableText } from './device-text.ts';
import { parseReportDescriptor } from './hid/report-descriptor.ts';
import { PAGE, pageOf } from './hid/usages.ts';
import type { DeviceIdentity } from './identity.ts';
import { identifyNode, type LinuxMachine, smallFile } from './linux-identity.ts';
import { type LinuxPlaces, permissionProblem } from './linux-places.ts';
import type { FoundDevice } from './registry.ts';
import { TERMINAL, terminalTypes } from './usb-terminals.ts';

const MAX_CARDS = 32;
const MAX_HIDRAW = 64;

type Pcm = { readonly device: number; readonly kind: 'microphone' | 'speaker'; readonly node: string; readonly name: string };
type Card = {
  readonly number: number;
  readonly id: string;
  readonly name: string;
  readonly identity: DeviceIdentity;
  readonly pcms: readonly Pcm[];
  readonly terminals: ReadonlySet<number>;
};

export async function listSound(places: LinuxPlaces, machine: LinuxMachine): Promise<readonly FoundDevice[]> {
  const names = parseCards((await smallFile(join(places.proc, 'asound/cards'))) ?? '');
  const nodes = (await readdir(join(machine.sysfs, 'class/sound')).catch(() => [])).filter((name) => /^card\d{1,2}$/.test(name)).slice(0, MAX_CARDS);
  const cards = (await Promise.all(nodes.map((node) => readCard(places, machine, node, names)))).filter((card) => card !== null);
  const telephony = await appliancesWithTelephony(machine);
  const found = cards.map(async (card) => {
    const cancelsEcho = takesEchoOut(card, cards, telephony);
    return Promise.all(card.pcms.map((pcm) => deviceOf(places, card, pcm, cancelsEcho)));
  });
  return (await Promise.all(found)).flat();
}

async function readCard(places: LinuxPlaces, machine: LinuxMachine, node: string, names: ReadonlyMap<number, string>): Promise<Card | null> {
  const folder = join(machine.sysfs, 'class/sound', node);
  const number = Number(node.slice('card'.length));
  const [identity, id, entries] = await Promise.all([identifyNode(machine, 'sound', node), smallFile(join(folder, 'id')), readdir(folder).catch(() => [])]);
  // ALSA's own rule for the id of a card (sound/core/init.c of the kernel), which becomes part of a name that is opened.
  if (identity === null || id === null || !/^[A-Za-z0-9_-]{1,15}$/.test(id)) return null;
  const pcms = entries.sort().map(async (name): Promise<Pcm | null> => {
    const [, device = '', direction = ''] = /^pcmC\d{1,2}D(\d{1,2})([cp])$/.exec(name) ?? [];
    if (device === '') return null;
    const info = (await smallFile(join(places.proc, `asound/${node}/pcm${device}${direction}/info`))) ?? '';
    return { device: Number(device), kind: direction === 'c' ? 'microphone' : 'speaker', node: join(places.dev, 'snd', name), name: parsePcmName(info) };
  });
  const usb = machine.usb.find(({ port }) => port === identity.port);
  const descriptors = usb === undefined ? null : await readFile(join(usb.path, 'descriptors')).catch(() => null);
  return {
    number,
    id,
    name: usb === undefined ? (names.get(number) ?? identity.name) : identity.name,
    identity,
    pcms: (await Promise.all(pcms)).filter((pcm) => pcm !== null),
    terminals: descriptors === null ? new Set() : terminalTypes(descriptors)
  };
}

async function deviceOf(places: LinuxPlaces, card: Card, pcm: Pcm, cancelsEcho: boolean): Promise<FoundDevice> {
  const alike = card.pcms.filter(({ kind }) => kind === pcm.kind);
  const several = alike.filter(({ name }) => name === pcm.name).length > 1;
  const detail = alike.length > 1 ? `${card.name}: ${pcm.name}${several ? ` ${pcm.device}` : ''}` : card.name;
  const stream = (await smallFile(join(places.proc, `asound/card${card.number}/stream${pcm.device}`))) ?? '';
  return {
    kind: pcm.kind,
    identity: { ...card.identity, part: `${card.identity.part} pcm${pcm.device}` },
    name: printableText(detail),
    media: { path: `hw:${card.id},${pcm.device}`, cancelsEcho },
    can: [
      ...parseStream(stream, pcm.kind === 'microphone' ? 'Capture' : 'Playback'),
      ...(cancelsEcho && pcm.kind === 'microphone' ? ['echo cancellation'] : [])
    ],
    problem: await permissionProblem(places, pcm.node)
  };
}

/**
 * A device that takes the echo out itself: one that says so by its terminals, else an appliance with a microphone, a loudspeaker and the keys of a telephone. One that says that
 * it does not is believed: to do it twice costs little, not to do it spoils the call.
 */
function takesEchoOut(card: Card, cards: readonly Card[], telephony: ReadonlySet<string>): boolean {
  if (card.terminals.has(TERMINAL.echoCancelling) || card.terminals.has(TERMINAL.echoSuppressing)) return true;
  if (card.terminals.has(TERMINAL.speakerphone)) return false;
  const { appliance } = card.identity;
  const kinds = new Set(cards.filter(({ identity }) => identity.appliance === appliance).flatMap(({ pcms }) => pcms.map(({ kind }) => kind)));
  return telephony.has(appliance) && kinds.size === 2;
}

async function appliancesWithTelephony(machine: LinuxMachine): Promise<ReadonlySet<string>> {
  const folder = join(machine.sysfs, 'class/hidraw');
  const nodes = (await readdir(folder).catch(() => [])).slice(0, MAX_HIDRAW);
  const appliances = await Promise.all(
    nodes.map(async (node) => {
      const descriptor = await readFile(join(folder, node, 'device/report_descriptor')).catch(() => null);
      if (descriptor === null) return null;
      const model = parseReportDescriptor(descriptor);
      if (!model.ok || !model.value.fields.some(({ collections: [application = 0] }) => pageOf(application) === PAGE.telephony)) return null;
      return (await identifyNode(machine, 'hidraw', node))?.appliance ?? null;
    })
  );
  return new Set(appliances.filter((appliance) => appliance !== null));
}
