import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createEvents } from '../../../src/kernel/events.ts';
import { LANGUAGES } from '../../../src/kernel/panel-choices.ts';
import { isWipeDue, lastDueMs } from '../../../src/settings/daily-wipe.ts';
import { keptSettings } from '../../../src/settings/kept-settings.ts';
import { changeSettings, type KeptSettings, lapse, settingsView, VISITORS_MS } from '../../../src/settings/room-settings.ts';
import type { SignalingEvents } from '../../../src/signaling/port.ts';
import { createFakeClock } from '../../fakes/clock.ts';
import { createKeptParts, DEFAULTS } from '../../fakes/kept-parts.ts';

async function start(kept: KeptSettings = {}, policy: 'Disabled' | 'DisabledUserOverride' | 'Required' = 'DisabledUserOverride') {
  const clock = createFakeClock();
  const { on } = createEvents<SignalingEvents>((error) => {
    throw error;
  });
  const parts = createKeptParts({ clock, signaling: { on, watchPresence: () => {}, seekPresence: async () => {} }, settings: kept, policy });
  let changes = 0;
  parts.settings.on('changed', () => changes++);
  await parts.start();
  return { clock, settings: parts.settings, file: parts.settingsFile, changes: () => changes };
}

describe('the room’s settings', () => {
  it('are the configuration’s until somebody changes them, and are kept', async () => {
    const { settings, file } = await start();
    const { encryption: _encryption, ...shown } = DEFAULTS;
    assert.deepEqual(settings.view(), { ...shown, language: 'en', doNotDisturb: null, layout: 'content', selfView: false });
    await settings.change({ theme: 'light', ringerPercent: 0, autoAnswer: { on: true, afterSeconds: 0 } });
    assert.deepEqual([settings.view().theme, settings.view().ringerPercent, settings.view().autoAnswer.on], ['light', 0, true]);
    assert.deepEqual(file.kept, { theme: 'light', ringerPercent: 0, autoAnswer: { on: true, afterSeconds: 0 } });
    assert.deepEqual((await start(file.kept)).settings.view(), settings.view());
  });

  it('are not changed where they cannot be kept', async () => {
    const { settings, file } = await start();
    file.failure = new Error('disk full');
    await assert.rejects(settings.change({ theme: 'light' }), /disk full/);
    assert.equal(settings.view().theme, 'dark');
  });

  it('have a language of the visitors until their call is over', async () => {
    const { settings, clock } = await start();
    await settings.change({ language: 'fr' });
    assert.deepEqual([settings.view().language, settings.view().roomLanguage], ['fr', 'en']);
    settings.inCall(true);
    await clock.advanceAsync(VISITORS_MS * 3);
    assert.equal(settings.view().language, 'fr', 'however long the call is');
    settings.inCall(false);
    await clock.advanceAsync(0);
    assert.equal(settings.view().language, 'en');
  });

  it('have it for ten minutes without a call, over a restart, too', async () => {
    const { settings, clock, file } = await start();
    await settings.change({ language: 'ar' });
    await clock.advanceAsync(VISITORS_MS - 1);
    assert.equal(settings.view().language, 'ar');
    assert.equal((await start(file.kept)).settings.view().language, 'ar');
    await clock.advanceAsync(1);
    await clock.advanceAsync(0);
    assert.equal(settings.view().language, 'en');
    assert.deepEqual(file.kept, {});
    assert.equal(clock.pending, 0);
    const long = { visitors: { language: 'ja' as const, chosenAtMs: clock.now() - VISITORS_MS * 4 } };
    const later = await start(long);
    await later.clock.advanceAsync(0);
    assert.equal(later.settings.view().language, 'en');
  });

  it('have the room’s own language when that is chosen', async () => {
    const { settings } = await start();
    await settings.change({ language: 'fr' });
    await settings.change({ roomLanguage: 'de' });
    assert.deepEqual([settings.view().language, settings.view().roomLanguage], ['de', 'de']);
  });

  it('end do-not-disturb at its time, and tell it', async () => {
    const { settings, clock, changes } = await start();
    await settings.change({ doNotDisturb: { minutes: 30 } });
    assert.equal(settings.view().doNotDisturb?.until, new Date(clock.now() + 30 * 60_000).toISOString());
    await clock.advanceAsync(30 * 60_000 - 1);
    assert.notEqual(settings.view().doNotDisturb, null);
    const before = changes();
    await clock.advanceAsync(1);
    assert.equal(settings.view().doNotDisturb, null);
    assert.equal(changes(), before + 1);
    await settings.change({ doNotDisturb: { minutes: null } });
    await clock.advanceAsync(100 * 60 * 60_000);
    assert.deepEqual(settings.view().doNotDisturb, { until: null });
    await settings.change({ doNotDisturb: null });
    assert.equal(settings.view().doNotDisturb, null);
  });

  it('end do-not-disturb soon after the clock was put forward past its end', async () => {
    const { settings, clock, changes } = await start();
    await settings.change({ doNotDisturb: { minutes: 60 } });
    const before = changes();
    clock.jump(61 * 60_000);
    await clock.advanceAsync(30_000);
    assert.deepEqual([settings.view().doNotDisturb, changes()], [null, before + 1]);
  });

  it('turn the account’s own switch only where the policy leaves it to people', async () => {
    const { settings, file } = await start();
    assert.equal(settings.encryption(), true);
    await settings.change({ encryption: false });
    assert.deepEqual([settings.encryption(), file.kept.encryption], [false, false]);
    for (const policy of ['Disabled', 'Required'] as const) {
      const locked = await start({}, policy);
      await assert.rejects(locked.settings.change({ encryption: false, theme: 'light' }), { code: 'CL_SETTING_LOCKED' });
      assert.equal(locked.settings.view().theme, 'dark', 'nothing of the change is done');
    }
  });

  it('are wiped of what visitors left, and of nothing else', async () => {
    const { settings, clock, file } = await start();
    await settings.change({ language: 'fr', doNotDisturb: { minutes: null }, theme: 'light', wipeDailyAt: '03:00' });
    await settings.wipe(false);
    assert.notEqual(settings.wipedAtMs(), undefined);
    await clock.advanceAsync(1000);
    await settings.wipe(true);
    assert.deepEqual(file.kept, { theme: 'light', wipeDailyAt: '03:00', wipedAtMs: clock.now() });
    assert.deepEqual([settings.view().language, settings.view().doNotDisturb], ['en', null]);
  });

  it('property: whatever is changed can be read again, and a lapse is settled once', () => {
    const change = fc.record(
      {
        language: fc.constantFrom(...LANGUAGES),
        roomLanguage: fc.constantFrom(...LANGUAGES),
        ringerPercent: fc.integer({ min: 0, max: 100 }),
        doNotDisturb: fc.option(fc.record({ minutes: fc.option(fc.integer({ min: 1, max: 10_080 })) })),
        wipeDailyAt: fc.option(fc.constantFrom('00:00', '23:59')),
        encryption: fc.boolean(),
        selfView: fc.boolean()
      },
      { requiredKeys: [] }
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(change, fc.integer({ min: 0, max: 86_400_000 })), { maxLength: 12 }), fc.boolean(), (changes, idle) => {
        let nowMs = Date.UTC(2026, 0, 1);
        let kept: KeptSettings = {};
        for (const [each, laterMs] of changes) {
          const made = changeSettings(kept, each, 'DisabledUserOverride', nowMs);
          assert.ok(made.ok);
          nowMs += laterMs;
          kept = lapse(made.value, idle, nowMs);
          assert.equal(lapse(kept, idle, nowMs), kept);
          assert.deepEqual(keptSettings.parse(JSON.parse(JSON.stringify(kept))), kept);
          const shown = settingsView(kept, DEFAULTS, nowMs);
          assert.ok(shown.doNotDisturb === null || shown.doNotDisturb.until === null || Date.parse(shown.doNotDisturb.until) > nowMs);
        }
      })
    );
  });
});

describe('the daily wipe', () => {
  const at = (text: string): number => new Date(text).getTime();

  it('is due once for each time of day that has come', () => {
    assert.equal(lastDueMs('03:00', at('2026-03-05T12:00:00')), at('2026-03-05T03:00:00'));
    assert.equal(lastDueMs('03:00', at('2026-03-05T02:59:59')), at('2026-03-04T03:00:00'));
    assert.equal(lastDueMs('03:00', at('2026-03-05T03:00:00')), at('2026-03-05T03:00:00'));
    const nowMs = at('2026-03-05T12:00:00');
    assert.equal(isWipeDue(null, undefined, nowMs), false);
    assert.equal(isWipeDue('03:00', undefined, nowMs), true);
    assert.equal(isWipeDue('03:00', at('2026-03-05T02:00:00'), nowMs), true);
    assert.equal(isWipeDue('03:00', at('2026-03-05T03:00:00'), nowMs), false);
    assert.equal(isWipeDue('03:00', at('2026-02-01T00:00:00'), nowMs), true, 'the room was off for weeks');
    assert.equal(isWipeDue('03:00', nowMs + 1, nowMs), true, 'a clock that was wrong');
  });

  it('property: the time that is due is that time of day, at most a day and an hour ago', () => {
    fc.assert(
      fc.property(fc.integer({ min: at('2024-01-01T00:00:00'), max: at('2028-01-01T00:00:00') }), fc.integer({ min: 0, max: 1439 }), (nowMs, minute) => {
        const text = `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
        const due = lastDueMs(text, nowMs);
        assert.ok(due <= nowMs && nowMs - due <= 25 * 3_600_000);
      })
    );
  });
});
