import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ControlForm, ControlValue, TelephonyControl } from '../../../../src/devices/hid/report-model.ts';
import { detached, type Lamps, type TelephonyEvent, telephony } from '../../../../src/devices/hid/telephony.ts';
import type { CallOnDevices, HidCommand } from '../../../../src/devices/port.ts';
import { createFakeClock } from '../../../fakes/clock.ts';
import { createFirmware, type Key, type Traits } from '../../../fakes/speakerphone.ts';

const idle: CallOnDevices = { phase: 'idle', muted: false };
const ringing: CallOnDevices = { phase: 'ringing', muted: false };
const inCall: CallOnDevices = { phase: 'in-call', muted: false };
const mutedCall: CallOnDevices = { phase: 'in-call', muted: true };
const onHold: CallOnDevices = { phase: 'on-hold', muted: false };

const FORMS: Partial<Record<TelephonyControl, ControlForm>> = { hook: 'switch' };

/** A device that was attached a minute ago and said nothing since, in the hands of a test. */
function device(call: CallOnDevices = idle, forms: Partial<Record<TelephonyControl, ControlForm>> = {}) {
  let nowMs = 0;
  let state = detached(idle);
  const commands: HidCommand[] = [];
  const written: Lamps[] = [];
  const timers: number[] = [];
  const step = (event: TelephonyEvent): void => {
    const result = telephony(state, event, nowMs);
    state = result.state;
    for (const action of result.actions) {
      if (action.type === 'command') commands.push(action.command);
      else if (action.type === 'lamps') written.push(action.lamps);
      else timers.push(action.inMs);
    }
  };
  const it = {
    commands,
    written,
    timers,
    lamps: () => written.at(-1),
    later: (ms: number) => {
      nowMs += ms;
      return it;
    },
    attach: () => {
      step({ type: 'attached' });
      return it;
    },
    show: (next: CallOnDevices) => {
      step({ type: 'call', call: next });
      return it;
    },
    /** A report with these controls; those that are not named are not in it. */
    says: (values: Partial<Record<TelephonyControl, number>>, reportId = 1) => {
      const list: ControlValue[] = Object.entries(values).map(([name, value]) => {
        const control = name as TelephonyControl;
        return { control, form: forms[control] ?? FORMS[control] ?? 'one-shot', value };
      });
      step({ type: 'report', reportId, values: list });
      return it;
    },
    taps: (control: TelephonyControl, reportId = 1) =>
      it
        .says({ [control]: 1 }, reportId)
        .later(20)
        .says({ [control]: 0 }, reportId),
    timer: () => {
      step({ type: 'timer' });
      return it;
    },
    /** Forgets what was done so far. */
    now: () => {
      commands.length = 0;
      written.length = 0;
      return it;
    }
  };
  it.attach().show(call).later(60_000).now();
  return it;
}

const lit = (lamps: Lamps | undefined): string[] => Object.entries(lamps ?? {}).flatMap(([name, on]) => (on ? [name] : []));

describe('HID telephony', () => {
  describe('the table', () => {
    it('rings while a call comes in, and no more when it is over', () => {
      const phone = device().show(ringing);
      assert.deepEqual(lit(phone.lamps()), ['ring']);
      assert.deepEqual(lit(phone.show({ phase: 'idle', muted: true }).lamps()), [], 'nor muted: there is nothing to mute');
      assert.deepEqual(phone.commands, []);
    });

    it('offers to call when the receiver is lifted while nothing rings, and refuses by the lamp', () => {
      const phone = device().says({ hook: 1 });
      assert.deepEqual(phone.commands, ['offer-to-call']);
      assert.deepEqual(phone.written.map(lit), [[]]);
      assert.deepEqual(phone.later(2000).says({ hook: 0 }).commands, ['offer-to-call'], 'it takes the press back: no second one');
    });

    it('answers at the hook and acknowledges at once, before the call has followed', () => {
      const phone = device(ringing).says({ hook: 1 });
      assert.deepEqual(phone.commands, ['answer']);
      assert.deepEqual(lit(phone.lamps()), ['offHook', 'onLine', 'line']);
      assert.equal(phone.show(inCall).written.length, 1, 'nothing more to say');
      assert.deepEqual(lit(phone.show(mutedCall).lamps()), ['offHook', 'mute', 'onLine', 'line'], 'mute as policy says, with Off-hook');
    });

    for (const form of ['switch', 'one-shot', 'pair'] as const)
      it(`answers nothing that nobody can have heard ring, and is refused by the lamp: ${form}`, () => {
        const phone = device(idle, { hook: form }).show(ringing).later(100).says({ hook: 1 });
        assert.deepEqual(phone.commands, []);
        assert.deepEqual(lit(phone.lamps()), ['ring']);
        assert.deepEqual(phone.later(2000).says({ hook: 0 }).later(500).says({ hook: 1 }).commands, ['answer']);
      });

    it('takes the acknowledgement back where the call does not follow', () => {
      const phone = device(ringing).says({ hook: 1 });
      assert.deepEqual(phone.timers, [2000]);
      phone.later(2000).timer();
      assert.deepEqual(lit(phone.lamps()), ['ring']);
      assert.deepEqual(phone.later(50).says({ hook: 0 }).commands, ['answer'], 'its way back is our echo');
      assert.deepEqual(phone.later(4000).says({ hook: 1 }).commands, ['answer', 'answer']);
    });

    for (const key of ['drop', 'reject'] as const)
      it(`declines by ${key}, once`, () => {
        assert.deepEqual(device(ringing).taps(key).commands, ['decline']);
      });

    it('declines by a hook that goes down again after the acknowledgement', () => {
      assert.deepEqual(device(ringing).says({ hook: 1 }).later(400).says({ hook: 0 }).commands, ['answer', 'decline']);
    });

    it('hangs up at the hook and by drop, not by reject', () => {
      assert.deepEqual(device(inCall).says({ hook: 1 }).now().says({ hook: 0 }).commands, ['hang-up']);
      assert.deepEqual(device(onHold).taps('drop').commands, ['hang-up']);
      assert.deepEqual(device(inCall).taps('reject').commands, []);
    });

    it('holds and resumes by flash, also where it is declared a switch', () => {
      const phone = device(inCall, { flash: 'switch' }).taps('flash').show(onHold);
      assert.deepEqual(lit(phone.lamps()), ['offHook', 'hold', 'onLine', 'line']);
      assert.deepEqual(phone.taps('flash').show(inCall).commands, ['hold', 'resume']);
    });

    it('redials when idle, and at no other time', () => {
      assert.deepEqual(device().taps('redial').commands, ['redial']);
      assert.deepEqual(device(inCall).taps('redial').commands, []);
      assert.deepEqual(device(ringing).taps('redial').commands, []);
    });

    it('does nothing at drop and flash while idle', () => {
      assert.deepEqual(device().taps('drop').later(500).taps('flash').commands, []);
    });
  });

  describe('mute', () => {
    it('toggles with a one-shot key, and lights the lamp only when it is so', () => {
      const phone = device(inCall).taps('mute');
      assert.deepEqual(phone.commands, ['mute']);
      assert.deepEqual(phone.written, [], 'the lamp follows the fact');
      assert.deepEqual(lit(phone.show(mutedCall).lamps()), ['offHook', 'mute', 'onLine', 'line']);
      assert.deepEqual(phone.later(900).taps('mute').commands, ['mute', 'unmute']);
    });

    it('two presses before the call has followed are mute and unmute', () => {
      assert.deepEqual(device(inCall).taps('mute').later(30).taps('mute').commands, ['mute', 'unmute']);
    });

    it('goes as a switch says, and not against it', () => {
      const phone = device(inCall, { mute: 'switch' }).says({ mute: 1 }).show(mutedCall).later(2000);
      assert.deepEqual(phone.says({ mute: 1 }).commands, ['mute'], 'said again: nothing new');
      assert.deepEqual(phone.says({ mute: 0 }).commands, ['mute', 'unmute']);
    });

    it('two buttons are on and off', () => {
      const phone = device(inCall, { mute: 'pair' }).says({ mute: 1 }).says({ mute: 0 }).show(mutedCall).later(2000);
      assert.deepEqual(phone.says({ mute: 1 }).says({ mute: 0 }).commands, ['mute'], 'muted already');
      assert.deepEqual(phone.says({ mute: -1 }).says({ mute: 0 }).commands, ['mute', 'unmute']);
    });

    it('means nothing while on the hook', () => {
      assert.deepEqual(device().taps('mute').show(ringing).later(500).taps('mute').commands, []);
    });

    it('believes a device that refuses to be unmuted: its arm is up', () => {
      for (const form of ['one-shot', 'switch'] as const) {
        const phone = device(inCall, { mute: form }).says({ mute: 1 }).show(mutedCall).later(5000);
        if (form === 'one-shot') phone.says({ mute: 0 });
        phone.now().show(inCall).later(120).says({ mute: 1 });
        assert.deepEqual(phone.commands, ['mute'], form);
      }
    });

    it('does not take another key’s report, which crossed the unmute on its way, for a refusal', () => {
      const phone = device(mutedCall, { mute: 'switch' }).says({ mute: 1 }).later(5000).show(inCall).later(20).says({ mute: 1, reject: 1 });
      assert.deepEqual(phone.commands, []);
      assert.deepEqual(phone.later(20).says({ mute: 1, reject: 0 }).later(20).says({ mute: 0, reject: 0 }).commands, []);
      const quiet = device(mutedCall, { mute: 'switch' }).show(inCall).later(20).says({ mute: 1, reject: 1 });
      assert.deepEqual(quiet.commands, [], 'nor where it had gone along without a word');
    });

    it('takes no echo of a mute made elsewhere for a press', () => {
      const phone = device(inCall, { mute: 'switch' }).show(mutedCall).later(60).says({ mute: 1 }).later(60).show(inCall);
      assert.deepEqual(phone.later(60).says({ mute: 0 }).commands, []);
    });

    it('opens no microphone by a key that is pressed in the moment in which somebody else mutes, and mutes by it at any moment', () => {
      assert.deepEqual(device(inCall).show(mutedCall).later(100).taps('mute').commands, []);
      assert.deepEqual(device(mutedCall).show(inCall).later(100).taps('mute').commands, ['mute']);
      assert.deepEqual(device(inCall, { mute: 'pair' }).show(mutedCall).later(100).says({ mute: -1 }).commands, []);
    });

    it('takes a press for one as soon as the device has followed', () => {
      assert.deepEqual(device(inCall).show(mutedCall).later(160).taps('mute').commands, ['unmute'], 'one-shot');
      const phone = device(inCall, { mute: 'switch' }).show(mutedCall).later(60).says({ mute: 1 }).later(60).says({ mute: 0 });
      assert.deepEqual(phone.commands, ['unmute'], 'switch');
    });

    it('opens no microphone for a switch that falls back with the hook', () => {
      const phone = device(ringing, { mute: 'switch' }).says({ hook: 0, mute: 1 }).says({ hook: 1, mute: 1 }).show(mutedCall).later(5000);
      assert.deepEqual(phone.now().says({ hook: 0, mute: 0 }).commands, ['hang-up']);
      const next = device(idle, { mute: 'switch' }).says({ mute: 1 }).show(mutedCall).later(100).says({ mute: 0 });
      assert.deepEqual(next.commands, []);
      assert.deepEqual(lit(next.lamps()), ['offHook', 'mute', 'onLine', 'line'], 'it is told again');
    });
  });

  describe('echoes and mirrors', () => {
    it('an echo of our own change is no press, up to three seconds later', () => {
      assert.deepEqual(device().show(inCall).later(2900).says({ hook: 1 }).commands, []);
      assert.deepEqual(device().show(inCall).later(100).says({ hook: 1 }).later(200).says({ hook: 0 }).commands, ['hang-up'], 'the other way is a press');
    });

    it('the echo of a call that ended there does not end the next one', () => {
      const phone = device(ringing).says({ hook: 1 }).show(inCall).later(30_000).show(idle).later(300).show(inCall).now();
      assert.deepEqual(phone.later(900).says({ hook: 0 }).later(900).says({ hook: 1 }).commands, []);
      assert.deepEqual(phone.later(500).says({ hook: 0 }).commands, ['hang-up'], 'but a press does');
    });

    it('a device that followed without a word is heard at its second press', () => {
      const phone = device().says({ hook: 1 }).says({ hook: 0 }).later(60_000).show(inCall).now().later(10_000);
      assert.deepEqual(phone.says({ hook: 0 }).later(2000).says({ hook: 1 }).commands, [], 'taken back by itself');
      assert.deepEqual(phone.later(1000).says({ hook: 0 }).commands, ['hang-up']);
    });

    it('a word that crossed our own change on the way is none', () => {
      assert.deepEqual(device(inCall).show(idle).later(20).says({ hook: 1 }).commands, []);
    });

    it('a device whose hook does not follow is not hung up by its other keys', () => {
      const phone = device().says({ hook: 0, mute: 0 }).later(60_000).show(inCall).later(10_000);
      assert.deepEqual(phone.says({ hook: 0, mute: 1 }).later(20).says({ hook: 0, mute: 0 }).commands, ['mute']);
    });

    it('a press that a second report mirrors is one press', () => {
      const phone = device(inCall).says({ mute: 1 }, 1).says({ mute: 1 }, 4).later(20).says({ mute: 0 }, 1).says({ mute: 0 }, 4);
      assert.deepEqual(phone.commands, ['mute']);
      assert.deepEqual(phone.show(mutedCall).later(1000).taps('mute', 1).taps('mute', 4).commands, ['mute', 'unmute']);
    });
  });

  describe('one-shot hook', () => {
    it('is a toggle: answers, hangs up, and offers to call', () => {
      const phone = device(ringing, { hook: 'one-shot' }).taps('hook');
      assert.deepEqual(phone.commands, ['answer']);
      phone.show(inCall).later(5000).taps('hook').show(idle).later(5000).taps('hook');
      assert.deepEqual(phone.commands, ['answer', 'hang-up', 'offer-to-call']);
    });

    it('does not hang up by what comes right after our own change', () => {
      assert.deepEqual(device(idle, { hook: 'one-shot' }).show(inCall).later(40).taps('hook').commands, []);
    });

    it('two buttons lift and lay', () => {
      const phone = device(ringing, { hook: 'pair' }).says({ hook: 1 }).says({ hook: 0 }).show(inCall).later(1000).says({ hook: 1 }).says({ hook: 0 });
      assert.deepEqual(phone.commands, ['answer']);
      assert.deepEqual(phone.says({ hook: -1 }).says({ hook: 0 }).commands, ['answer', 'hang-up']);
    });
  });

  describe('attaching', () => {
    it('writes the whole state, and takes a first report that comes at once for the baseline', () => {
      const phone = device(mutedCall).attach();
      assert.deepEqual(lit(phone.lamps()), ['offHook', 'mute', 'onLine', 'line']);
      phone.later(100).says({ hook: 0, mute: 0 });
      assert.deepEqual(phone.commands, []);
      assert.equal(phone.written.length, 2, 'and writes it again');
      assert.deepEqual(phone.later(50).says({ hook: 1, mute: 0 }).commands, [], 'the echo of it');
      assert.deepEqual(phone.later(9000).says({ hook: 0, mute: 0 }).commands, ['hang-up']);
    });

    it('a key that is pressed in that first report is pressed', () => {
      assert.deepEqual(device(inCall).attach().later(50).says({ hook: 1, mute: 1 }).commands, ['mute']);
    });

    it('a receiver that lies beside the phone when it is plugged in does not answer', () => {
      assert.deepEqual(device(ringing).attach().later(200).says({ hook: 1 }).commands, []);
    });

    it('the first press after a long silence is a press', () => {
      assert.deepEqual(device(ringing).says({ hook: 1 }).commands, ['answer']);
    });

    it('the first word of a hook in the report of another key is no press', () => {
      assert.deepEqual(device(ringing).says({ hook: 1, 'volume-up': 1 }).commands, ['volume-up']);
    });
  });

  describe('other keys', () => {
    it('steps the volume once a press, and ten times a second while the device says that it is held', () => {
      const phone = device().taps('volume-down');
      assert.deepEqual(phone.commands, ['volume-down']);
      phone.later(1000).now();
      for (let i = 0; i <= 100; i++) phone.says({ 'volume-up': 1 }).later(10);
      assert.equal(phone.commands.length, 11, 'one and ten more in a second');
      assert.deepEqual(new Set(phone.commands), new Set(['volume-up']));
    });

    it('knows mute of the loudspeaker, of the microphone, and of the camera', () => {
      assert.deepEqual(device().taps('speaker-mute').taps('camera-off').taps('camera-on').taps('camera-toggle').commands, [
        'toggle-speaker',
        'camera-off',
        'camera-on',
        'toggle-camera'
      ]);
      assert.deepEqual(device(inCall).taps('microphone-mute').show(mutedCall).later(1000).taps('microphone-mute').commands, ['mute', 'unmute']);
    });
  });
});

// ── against the firmware ────────────────────────────────────────────────────────────────────────────────────────────────

type Happening =
  | { readonly type: 'press'; readonly phone: 0 | 1; readonly key: Key }
  | { readonly type: 'room'; readonly what: 'incoming' | 'answer' | 'place' | 'end' | 'mute' | 'hold' }
  | { readonly type: 'wait'; readonly ms: number };

const parts = {
  hook: fc.constantFrom('switch' as const, 'one-shot' as const),
  mute: fc.constantFrom('switch' as const, 'one-shot' as const),
  follows: fc.constantFrom('telling' as const, 'quietly' as const, 'not' as const)
};
const traits: fc.Arbitrary<Traits> = fc.record({ ...parts, latencyMs: fc.integer({ min: 0, max: 60 }) });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('press' as const),
      phone: fc.constantFrom(0 as const, 1 as const),
      key: fc.constantFrom<Key>('hook', 'mute', 'flash', 'drop', 'reject', 'redial')
    })
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('room' as const), what: fc.constantFrom('incoming', 'answer', 'place', 'end', 'mute', 'hold') }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.constantFrom(0, 5, 30, 200, 700, 1900, 4000) }) }
);

/** A room with two phones: what people press at them and in the room, and a call that follows after `factMs`. */
function room(kinds: readonly [Traits, Traits], factMs: number) {
  const clock = createFakeClock();
  let call: CallOnDevices = idle;
  const commands: { readonly phone: number; readonly command: HidCommand; readonly owed: boolean }[] = [];
  const phones = kinds.map((kind, number) => {
    let state = detached(call);
    /** Each press lets one command pass, while its report can still be on its way. */
    const owed: number[] = [];
    const step = (event: TelephonyEvent): void => {
      const result = telephony(state, event, clock.monotonicMs());
      state = result.state;
      for (const action of result.actions) {
        if (action.type === 'lamps') firmware.light(action.lamps);
        else if (action.type === 'timer') clock.schedule(action.inMs, () => step({ type: 'timer' }));
        else {
          while (owed[0] !== undefined && clock.monotonicMs() - owed[0] > kind.latencyMs) owed.shift();
          commands.push({ phone: number, command: action.command, owed: owed.shift() !== undefined });
          follow(action.command);
        }
      }
    };
    const firmware = createFirmware(kind, clock, (keys) => {
      const values = (['hook', 'mute', 'flash', 'drop', 'reject', 'redial'] as const).map((control): ControlValue => {
        const form = control === 'hook' ? kind.hook : control === 'mute' ? kind.mute : 'one-shot';
        return { control, form, value: keys[control] ? 1 : 0 };
      });
      step({ type: 'report', reportId: 1, values });
    });
    return {
      firmware,
      step,
      press: (key: Key) => {
        owed.push(clock.monotonicMs());
        firmware.press(key);
      }
    };
  });

  const change = (next: (call: CallOnDevices) => CallOnDevices): void =>
    void clock.schedule(factMs, () => {
      call = next(call);
      for (const phone of phones) phone.step({ type: 'call', call });
    });
  function follow(command: HidCommand): void {
    if (command === 'answer') change((is) => (is.phase === 'ringing' ? inCall : is));
    else if (command === 'decline' || command === 'hang-up') change(() => idle);
    else if (command === 'mute' || command === 'unmute')
      change((is) => (is.phase === 'idle' || is.phase === 'ringing' ? is : { ...is, muted: command === 'mute' }));
    else if (command === 'hold') change((is) => (is.phase === 'in-call' ? { ...is, phase: 'on-hold' } : is));
    else if (command === 'resume') change((is) => (is.phase === 'on-hold' ? { ...is, phase: 'in-call' } : is));
    else if (command === 'redial') change((is) => (is.phase === 'idle' ? inCall : is));
  }
  const happen: Record<Extract<Happening, { type: 'room' }>['what'], () => void> = {
    incoming: () => change((is) => (is.phase === 'idle' ? ringing : is)),
    answer: () => follow('answer'),
    place: () => follow('redial'),
    end: () => change(() => idle),
    mute: () => change((is) => (is.phase === 'idle' || is.phase === 'ringing' ? is : { ...is, muted: !is.muted })),
    hold: () => change((is) => (is.phase === 'in-call' ? { ...is, phase: 'on-hold' } : is.phase === 'on-hold' ? { ...is, phase: 'in-call' } : is))
  };
  for (const phone of phones) phone.step({ type: 'attached' });
  clock.advance(10_000);
  return {
    clock,
    phones,
    commands,
    call: () => call,
    run(events: readonly Happening[]): void {
      for (const event of events) {
        if (event.type === 'wait') clock.advance(event.ms);
        else if (event.type === 'press') phones[event.phone]?.press(event.key);
        else happen[event.what]();
      }
      clock.advance(20_000);
    }
  };
}

describe('HID telephony against firmware', function () {
  this.timeout(30_000);

  it('the lamps are as the call is once things settle, whatever was pressed; and each command has its press', () => {
    fc.assert(
      fc.property(fc.tuple(traits, traits), fc.integer({ min: 0, max: 150 }), fc.array(happening, { maxLength: 25 }), (kinds, factMs, events) => {
        const world = room(kinds, factMs);
        world.run(events);
        const { phase, muted } = world.call();
        const talking = phase === 'in-call' || phase === 'on-hold';
        for (const { firmware } of world.phones) {
          const { offHook, mute, ring, hold } = firmware.lamps;
          assert.deepEqual({ offHook, mute, ring, hold }, { offHook: talking, mute: talking && muted, ring: phase === 'ringing', hold: phase === 'on-hold' });
        }
        assert.deepEqual(
          world.commands.filter(({ owed }) => !owed),
          [],
          'a command that nobody pressed'
        );
      }),
      { numRuns: 400 }
    );
  });

  it('nothing that nobody pressed is heard, whatever becomes of calls and however late the echo is', () => {
    const slow = fc.record({ ...parts, latencyMs: fc.integer({ min: 0, max: 450 }) });
    const calls = fc.array(
      happening.filter(({ type }) => type !== 'press'),
      { maxLength: 40 }
    );
    fc.assert(
      fc.property(fc.tuple(slow, slow), fc.integer({ min: 0, max: 150 }), calls, (kinds, factMs, events) => {
        const world = room(kinds, factMs);
        world.run(events);
        assert.deepEqual(world.commands, []);
      }),
      { numRuns: 200 }
    );
  });

  it('an arm that is up keeps the room muted, however often it is unmuted elsewhere', () => {
    fc.assert(
      fc.property(traits, fc.integer({ min: 0, max: 100 }), fc.array(fc.constantFrom(900, 2500, 5000), { maxLength: 5 }), (kind, factMs, waits) => {
        const world = room([kind, { ...kind, latencyMs: 1 }], factMs);
        world.phones[0]?.firmware.boom(true);
        world.run([
          { type: 'room', what: 'place' },
          { type: 'wait', ms: 5000 }
        ]);
        for (const ms of waits)
          world.run([
            { type: 'room', what: 'mute' },
            { type: 'wait', ms }
          ]);
        assert.deepEqual(world.call(), mutedCall);
        assert.equal(world.phones[1]?.firmware.lamps.mute, true, 'and the other one shows it');
      }),
      { numRuns: 60 }
    );
  });

  it('a press at an ordinary device does what it says, each time', () => {
    for (const hook of ['switch', 'one-shot'] as const)
      for (const mute of ['switch', 'one-shot'] as const) {
        const kind: Traits = { hook, mute, follows: 'telling', latencyMs: 20 };
        const world = room([kind, kind], 30);
        const press = (key: Key): Happening[] => [
          { type: 'press', phone: 0, key },
          { type: 'wait', ms: 1500 }
        ];
        world.run([
          { type: 'room', what: 'incoming' },
          { type: 'wait', ms: 500 },
          ...press('hook'),
          ...press('mute'),
          ...press('mute'),
          ...press('flash'),
          ...press('flash')
        ]);
        world.run([...press('hook'), ...press('redial'), ...press('drop'), { type: 'room', what: 'incoming' }, { type: 'wait', ms: 900 }, ...press('reject')]);
        assert.deepEqual(
          world.commands.map(({ command }) => command),
          ['answer', 'mute', 'unmute', 'hold', 'resume', 'hang-up', 'redial', 'hang-up', 'decline'],
          `${hook}, ${mute}`
        );
      }
  });
});
