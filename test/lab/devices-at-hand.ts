// The host's hands on the virtual speakerphones of a guest: plug in, press, look at the lamps.
import { setTimeout as pause } from 'node:timers/promises';
import type { Key, Lamp } from '../fakes/speakerphone.ts';
import type { Guest } from './guest.ts';
import type { SpeakerphoneCommand, SpeakerphoneEvent, SpeakerphoneModel } from './speakerphones.ts';

type Of<Part extends string> = Extract<SpeakerphoneEvent, Record<Part, unknown>>;

export type Speakerphone = {
  readonly model: SpeakerphoneModel;
  readonly keys: readonly Key[];
  readonly lampsThere: readonly Lamp[];
  press(key: Key): void;
  /** What its lamps show; those that it does not have are off. */
  lamps(): Readonly<Record<Lamp, boolean>>;
  /** Output reports since it was plugged in, in hex, the oldest first. */
  outputs(): readonly string[];
  /** What it sent, in hex, the oldest first. */
  sent(): readonly string[];
  unplug(): Promise<void>;
  /** As the same device again; its lamps are off. */
  plugAgain(): Promise<void>;
  /** @throws with what it was told and what it said */
  waitFor(what: string, predicate: () => boolean, limitMs?: number): Promise<void>;
};

export type Speakerphones = AsyncDisposable & { plug(model: SpeakerphoneModel): Promise<Speakerphone> };

const WAIT_LIMIT_MS = 60_000;
const POLL_MS = 50;
const DARK: Readonly<Record<Lamp, boolean>> = {
  offHook: false,
  mute: false,
  ring: false,
  hold: false,
  onLine: false,
  line: false,
  speaker: false,
  microphone: false
};

export async function startSpeakerphones(guest: Guest): Promise<Speakerphones> {
  const program = await guest.start([process.execPath, 'test/lab/speakerphones.ts']);
  const listeners = new Map<string, (event: SpeakerphoneEvent) => void>();
  let fault: string | null = null;
  program.onStderr((text) => {
    fault = `${fault ?? ''}${text}`;
  });
  program.onLine((line) => {
    guest.note(line);
    const event = JSON.parse(line) as SpeakerphoneEvent;
    listeners.get(event.device)?.(event);
  });
  const send = (command: SpeakerphoneCommand): void => program.write(`${JSON.stringify(command)}\n`);
  const until = async (what: string, predicate: () => boolean, limitMs: number, told: () => string): Promise<void> => {
    for (const deadline = performance.now() + limitMs; !predicate(); await pause(POLL_MS)) {
      if (fault !== null) throw new Error(`the speakerphones failed: ${fault}`);
      if (performance.now() > deadline) throw new Error(`not in ${limitMs} ms: ${what}; ${told()}; see ${guest.keep()}`);
    }
  };

  return {
    async plug(model) {
      const device = model.name;
      let ready: Of<'ready'>['ready'] | null = null;
      let lamps = DARK;
      let gone = false;
      const outputs: string[] = [];
      const sent: string[] = [];
      listeners.set(device, (event) => {
        if ('ready' in event) ready = event.ready;
        else if ('lamps' in event) {
          lamps = event.lamps;
          outputs.push(event.output);
        } else if ('sent' in event) sent.push(event.sent);
        else gone = true;
      });
      const told = (): string => `${device} was told ${outputs.join(' ')} and sent ${sent.join(' ')}; its lamps: ${JSON.stringify(lamps)}`;
      const plugIn = async (): Promise<Of<'ready'>['ready']> => {
        ready = null;
        gone = false;
        lamps = DARK;
        send({ device, plug: model });
        await until(`${device} is plugged in`, () => ready !== null, WAIT_LIMIT_MS, told);
        return ready as unknown as Of<'ready'>['ready'];
      };
      const { keys, lamps: lampsThere } = await plugIn();
      return {
        model,
        keys,
        lampsThere,
        press: (key) => send({ device, press: key }),
        lamps: () => lamps,
        outputs: () => outputs,
        sent: () => sent,
        async unplug() {
          send({ device, unplug: true });
          await until(`${device} is unplugged`, () => gone, WAIT_LIMIT_MS, told);
        },
        async plugAgain() {
          await plugIn();
        },
        waitFor: (what, predicate, limitMs = WAIT_LIMIT_MS) => until(what, predicate, limitMs, told)
      };
    },
    async [Symbol.asyncDispose]() {
      program.signal('SIGKILL');
      await program.ended.catch(() => {});
    }
  };
}
