import assert from 'node:assert/strict';
import { weaknessOf } from '../../../src/admin/pin-rules.ts';
import { errorCodes } from '../../../src/kernel/error-codes.ts';
import { LANGUAGES } from '../../../src/kernel/panel-choices.ts';
import { FEWEST_DIGITS, MOST_DIGITS, pinWeaknessOf } from '../../../src/ui/panel/pin-weakness.ts';
import { checksOf } from '../../../src/ui/panel/screens/health-checks.ts';
import { levelPartOf } from '../../../src/ui/panel/screens/settings/level-part.ts';
import { validityOf } from '../../../src/ui/panel/screens/settings/validity.ts';
import { ADDRESS, erased, LETTERS, SIGNS, SOUND_MARK, typed } from '../../../src/ui/panel/text-keyboard-layouts.ts';
import { hintOf } from '../../../src/ui/shared/problem-hints.ts';
import { agoText } from '../../../src/ui/shared/time-ago.ts';
import { textsOf } from '../../../src/ui/texts/texts.ts';
import { states, withProblems } from '../../browser/fixtures/states.ts';
import { deviceView } from '../../fakes/device-views.ts';

const DAY_MS = 86_400_000;

describe('ui/panel/pin-weakness', () => {
  it('names what is short and what is one pattern', () => {
    assert.equal(pinWeaknessOf('39471'), 'short');
    for (const pin of ['111111', '123456', '987654', '890123', '246802', '123123', '12121212', '112112', '1212121'])
      assert.equal(pinWeaknessOf(pin), 'pattern', pin);
    for (const pin of ['394715', '802746', '112358', '394715802746']) assert.equal(pinWeaknessOf(pin), null, pin);
  });

  it('says of every PIN what the room will say of it', () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    let weak = 0;
    for (let count = 0; count < 5000; count += 1) {
      // Few digits, so that patterns come often.
      const digits = 2 + random(9);
      const pin = Array.from({ length: FEWEST_DIGITS + random(MOST_DIGITS - FEWEST_DIGITS + 1) }, () => random(digits)).join('');
      if (weaknessOf(pin) !== null) weak += 1;
      assert.equal(pinWeaknessOf(pin) === null, weaknessOf(pin) === null, pin);
    }
    assert.ok(weak > 100, `${weak} weak ones`);
  });
});

describe('ui/panel/text-keyboard-layouts', () => {
  it('has ten places in each row, and no key twice', () => {
    for (const [name, rows] of [...Object.entries(LETTERS), ['signs', SIGNS] as const, ['address', ADDRESS] as const]) {
      const keys = rows.flatMap((row) => [...row]);
      for (const row of rows) assert.equal([...row].length, 10, `${name}: ${row}`);
      const pressed = keys.filter((key) => key !== ' ');
      assert.equal(new Set(pressed).size, pressed.length, name);
    }
    assert.deepEqual(Object.keys(LETTERS).sort(), [...LANGUAGES].sort());
  });

  it('adds what is touched, large where it is asked for', () => {
    assert.equal(typed('ab', 'c', false), 'abc');
    assert.equal(typed('ab', 'ö', true), 'abÖ');
  });

  it('goes round the sounds of a Japanese letter, and leaves what has none', () => {
    assert.equal(typed('は', SOUND_MARK, false), 'ば');
    assert.equal(typed('ば', SOUND_MARK, false), 'ぱ');
    assert.equal(typed('ぱ', SOUND_MARK, false), 'は');
    assert.equal(typed('きつ', SOUND_MARK, false), 'きづ');
    assert.equal(typed('や', SOUND_MARK, false), 'ゃ');
    assert.equal(typed('ま', SOUND_MARK, false), 'ま');
    assert.equal(typed('', SOUND_MARK, false), '');
  });

  it('erases what people count as one character', () => {
    assert.equal(erased('año'), 'añ');
    assert.equal(erased('an\u0303'), 'a');
    assert.equal(erased('a👩‍👩‍👧'), 'a');
    assert.equal(erased(''), '');
  });
});

describe('ui/panel/screens/settings', () => {
  const certificate = { notBefore: '2026-01-01T00:00:00.000Z', notAfter: '2026-04-11T00:00:00.000Z' };
  const end = Date.parse(certificate.notAfter);

  it('says how much of a certificate is left, and when that is little', () => {
    assert.deepEqual(validityOf(certificate, end - 50 * DAY_MS), { daysLeft: 50, partLeft: 0.5, severity: 'good' });
    assert.equal(validityOf(certificate, end - 30 * DAY_MS).severity, 'good');
    assert.equal(validityOf(certificate, end - 30 * DAY_MS + 1).severity, 'warning');
    assert.equal(validityOf(certificate, end - 3 * DAY_MS + 1).severity, 'bad');
    assert.deepEqual(validityOf(certificate, end + 1), { daysLeft: -1, partLeft: 0, severity: 'bad' });
    assert.equal(validityOf(certificate, Date.parse(certificate.notBefore) - DAY_MS).partLeft, 1);
  });

  it('draws a level in even steps of decibels, never beyond its ends', () => {
    assert.deepEqual([-90, -60, -30, 0, 6, Number.NEGATIVE_INFINITY, Number.NaN].map(levelPartOf), [0, 0, 0.5, 1, 1, 0, 0]);
  });
});

describe('ui/panel/screens/health', () => {
  const NOW = Date.parse('2026-03-04T09:00:00.000Z');
  const severities = (state: Parameters<typeof checksOf>[0]) => Object.fromEntries(checksOf(state, NOW).map(({ name, severity }) => [name, severity]));

  it('looks at broker, clock, certificate, devices, display and relays', () => {
    assert.deepEqual(severities(states.idle), { broker: 'good', clock: 'good', certificate: 'good', devices: 'good', display: 'good', relay: 'good' });
    const ailing = withProblems(
      {
        ...states.idleOffline,
        network: { ...states.idleOffline.network, clock: 'wrong' },
        certificate: { ...states.idle.certificate, notAfter: '2026-03-05T00:00:00.000Z' },
        devices: { ...states.idle.devices, displays: 0, media: [deviceView('camera', 'front', { present: false })] }
      },
      { code: 'CL_RELAY_REFUSED', severity: 'warning', text: '' }
    );
    assert.deepEqual(severities(ailing), { broker: 'bad', clock: 'bad', certificate: 'bad', devices: 'warning', display: 'warning', relay: 'warning' });
  });

  it('knows what to do about what a device or the room tells, in every language', () => {
    for (const language of LANGUAGES) {
      const t = textsOf(language);
      for (const code of Object.keys(errorCodes) as (keyof typeof errorCodes)[]) assert.notEqual(t(`hint.${hintOf(code)}`), '', code);
    }
    for (const [code, { category }] of Object.entries(errorCodes) as [keyof typeof errorCodes, { category: string }][])
      if (category === 'device' && code !== 'CL_DEVICE_CONTROL') assert.notEqual(hintOf(code), 'other', code);
    assert.equal(hintOf('CL_INTERNAL'), 'other');
  });

  it('says how long ago something was in the words of the language', () => {
    assert.equal(agoText(-5000, 'en'), 'now');
    assert.equal(agoText(59_999, 'de'), 'jetzt');
    assert.equal(agoText(60_000, 'en'), '1 minute ago');
    assert.equal(agoText(59.9 * 60_000, 'en'), '59 minutes ago');
    assert.equal(agoText(3 * 3_600_000, 'fr'), 'il y a 3 heures');
    assert.equal(agoText(DAY_MS, 'de'), 'gestern');
    assert.match(agoText(12 * 60_000, 'ar'), /12/);
  });
});
