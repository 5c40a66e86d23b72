// The cameras, content inputs, microphones and loudspeakers of the machine: listed when something came or went, in the order in which they are tried.
// Invariants: what is chosen changes by choose() alone; the chosen device is first whenever it is there; ids are unique; bounded whatever is plugged in.
import type { Clock, Timer } from '../kernel/clock.ts';
import { CloisterError } from '../kernel/errors.ts';
import { createEvents, type EventSource } from '../kernel/events.ts';
import type { Log } from '../kernel/log.ts';
import { Scope } from '../kernel/scope.ts';
import type { MediaDevice, MediaDevices } from '../media/port.ts';
import type { DeviceKind, DeviceProblem, DeviceView } from '../room/state.ts';
import type { ChoiceStore, Choices, ChosenDevice } from './choice-store.ts';
import { type DeviceIdentity, deviceId, findKnown, known, lookalikes, uniqueId } from './identity.ts';
import type { DeviceRegistry } from './port.ts';

/** A device as the platform lists it. */
export type FoundDevice = {
  readonly kind: DeviceKind;
  readonly identity: DeviceIdentity;
  /** One line of printable text. */
  readonly name: string;
  /** What the media process opens; `name` above is not what it is opened by. */
  readonly media: Omit<MediaDevice, 'name'>;
  readonly can: readonly string[];
  readonly problem: DeviceProblem | null;
};

export type RegistryOptions = {
  /** Rejects where the platform cannot tell; what was there before then counts as there. */
  readonly list: () => Promise<readonly FoundDevice[]>;
  readonly watch: EventSource<{ readonly changed: readonly [] }>;
  readonly choices: ChoiceStore;
  readonly clock: Clock;
  readonly log: Log;
};

type Listed = { readonly found: FoundDevice; readonly id: string; readonly chosen: boolean };
type Device = FoundDevice['identity'] & { readonly found: FoundDevice };

const KINDS: readonly DeviceKind[] = ['camera', 'content', 'microphone', 'speaker'];
const MAX_DEVICES = 64;
const MAX_ALIKE = 256;
/** A device that did not answer, or a system that did not tell, may do so later without anything that is heard of. */
const RETRY_MS = 5_000;

export function createRegistry({ list, watch, choices: store, clock, log }: RegistryOptions): DeviceRegistry {
  const events = createEvents<{ changed: readonly [] }>((error) => log.error('a listener of the devices failed', { error: String(error) }));
  const scope = new Scope();
  /** Which were seen beside one like them, so that the port tells them apart also while they are alone. */
  const alike = new Set<string>();
  let choices: Choices = {};
  let there: readonly FoundDevice[] = [];
  let views: readonly DeviceView[] = [];
  let order: MediaDevices = { camera: [], content: [], microphone: [], speaker: [] };
  let pathsById: ReadonlyMap<string, string> = new Map();
  let listing: Promise<void> | null = null;
  let again = false;
  let retry: Timer | null = null;
  let choosing: Promise<void> = Promise.resolve();

  function refresh(): Promise<void> {
    again = true;
    listing ??= listUntilSettled().finally(() => {
      listing = null;
    });
    return listing;
  }

  async function listUntilSettled(): Promise<void> {
    while (again && !scope.closed) {
      again = false;
      retry?.cancel();
      retry = null;
      try {
        const found = await list();
        if (found.length > MAX_DEVICES) log.warn('more devices than are used', { found: found.length, used: MAX_DEVICES });
        there = found.slice(0, MAX_DEVICES);
        for (const kind of KINDS) for (const like of lookalikes(kind, identities(kind))) if (alike.size < MAX_ALIKE) alike.add(like);
        publish();
        if (there.some(isUnknown)) retryLater();
      } catch (error) {
        log.warn('the devices could not be listed', { error: String(error) });
        retryLater();
      }
    }
  }

  function retryLater(): void {
    retry = scope.schedule(clock, RETRY_MS, () => void refresh());
  }

  const identities = (kind: DeviceKind): readonly Device[] => there.filter((found) => found.kind === kind).map((found) => ({ ...found.identity, found }));

  /** Makes the views and the order anew from what is there and what is chosen. */
  function publish(): void {
    const before = JSON.stringify([views, order]);
    const taken = new Set<string>();
    const listed = KINDS.map((kind) => ({ kind, devices: listedOf(kind, taken) }));
    views = listed.flatMap(({ kind, devices }) => {
      const choice = choices[kind];
      const away = choice === undefined || devices.some(({ chosen }) => chosen) ? [] : [awayView(kind, choice, uniqueId(choice.id, taken))];
      return [...devices.map(viewOf), ...away];
    });
    const inOrder = (kind: DeviceKind): readonly MediaDevice[] => {
      // Of what did not answer nobody knows whether it is a camera or what somebody's laptop is connected to.
      const devices = (listed.find((one) => one.kind === kind)?.devices ?? []).filter(({ found }) => !isUnknown(found));
      return [...devices].sort(byUse).map(({ found }) => ({ ...found.media, name: found.name }));
    };
    order = { camera: inOrder('camera'), content: inOrder('content'), microphone: inOrder('microphone'), speaker: inOrder('speaker') };
    pathsById = new Map(listed.flatMap(({ devices }) => devices.map(({ id, found }) => [id, found.media.path] as const)));
    if (JSON.stringify([views, order]) !== before) events.emit('changed');
  }

  /** Those of a kind that are there, in an order that does not depend on when they were plugged in. */
  function listedOf(kind: DeviceKind, taken: Set<string>): readonly Listed[] {
    const devices = identities(kind);
    const choice = choices[kind];
    const chosen = choice === undefined ? null : findKnown(kind, choice, devices, alike);
    return devices.map((device) => ({ found: device.found, id: uniqueId(deviceId(kind, device, alike), taken), chosen: device === chosen })).sort(byModel);
  }

  function identityOf(kind: DeviceKind, id: string): DeviceIdentity | null {
    return listedOf(kind, new Set()).find((listed) => listed.id === id)?.found.identity ?? null;
  }

  async function chooseNow(kind: DeviceKind, id: string | null): Promise<void> {
    const { [kind]: before, ...others } = choices;
    let next: Choices = others;
    if (id !== null) {
      const view = views.find((one) => one.kind === kind && one.id === id);
      if (view === undefined) throw new CloisterError('CL_DEVICE_UNKNOWN', `There is no ${kind} ${id} here.`);
      const identity = identityOf(kind, id);
      const choice = view.present && identity !== null ? { ...known(kind, identity, alike), id } : before;
      if (choice !== undefined) next = { ...others, [kind]: choice };
    }
    await store.write(next);
    choices = next;
    publish();
  }

  return {
    on: events.on,
    async start(signal) {
      signal.throwIfAborted();
      choices = await store.read();
      scope.own(watch.on('changed', () => void refresh()));
      await refresh();
    },
    list: () => views,
    order: () => order,
    pathOf: (id) => pathsById.get(id) ?? null,
    choose(kind, id) {
      const chosen = choosing.then(() => chooseNow(kind, id));
      choosing = chosen.catch(() => {});
      return chosen;
    },
    async [Symbol.asyncDispose]() {
      await scope[Symbol.asyncDispose]();
      await listing;
      await choosing;
    }
  };
}

/** It did not answer. */
const isUnknown = ({ problem }: FoundDevice): boolean => problem?.code === 'CL_DEVICE_OPEN';

/** The chosen one, then what takes its own echo out: a room's speakerphone is meant to be spoken to, the microphone in a camera is not. Else as they are listed. */
const byUse = (a: Listed, b: Listed): number => Number(b.chosen) - Number(a.chosen) || Number(b.found.media.cancelsEcho) - Number(a.found.media.cancelsEcho);

/** A card's first device before its others; ids are unique, so that nothing is left to chance. */
function byModel(a: Listed, b: Listed): number {
  const [one, other] = [a, b].map(({ found: { identity }, id }) => [identity.model, identity.part, id] as const);
  return compare(one?.[0], other?.[0]) || compare(one?.[1], other?.[1]) || compare(one?.[2], other?.[2]);
}
const compare = (a = '', b = ''): number => (a < b ? -1 : a > b ? 1 : 0);

const viewOf = ({ found: { kind, identity, name, can, problem }, id, chosen }: Listed): DeviceView => ({
  id,
  kind,
  name,
  model: identity.model,
  serial: identity.serial,
  port: identity.port,
  appliance: identity.appliance,
  present: true,
  chosen,
  can,
  problem
});

const awayView = (kind: DeviceKind, { name, model, serial, port }: ChosenDevice, id: string): DeviceView => ({
  id,
  kind,
  name,
  model,
  serial,
  port,
  appliance: `away:${model}:${serial ?? port ?? ''}`,
  present: false,
  chosen: true,
  can: [],
  problem: { code: 'CL_DEVICE_CHOSEN_AWAY', text: `${name} was chosen and is away; another one is used until it is back.` }
});
