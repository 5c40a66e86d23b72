import assert from 'node:assert/strict';
import { type ErrorCode, errorCodes } from '../../../src/kernel/error-codes.ts';
import { LANGUAGES, type Language } from '../../../src/kernel/panel-choices.ts';
import { errors } from '../../../src/ui/texts/errors.ts';
import { AREAS, languageOf, textsOf } from '../../../src/ui/texts/texts.ts';

type Table = Readonly<Record<string, string>>;

/** What is the same word in another language, or no word at all. */
const SAME: ReadonlySet<string> = new Set([
  'home.readyHint',
  'dial.placeholder',
  'de camera.name',
  'de camera.name.whiteboard',
  'de camera.name.number',
  'fr camera.name.table',
  'fr camera.name.number',
  'de features.park.code',
  'fr features.park.code'
]);

const placeholdersOf = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '').sort();
const others = LANGUAGES.filter((language): language is Exclude<Language, 'en'> => language !== 'en');

function faultsOf(language: string, english: Table, table: Table): string[] {
  return Object.entries(english).flatMap(([key, said]) => {
    const text = table[key] ?? '';
    const same = text === said && !SAME.has(key) && !SAME.has(`${language} ${key}`);
    return [
      ...(text.trim() === '' ? [`${language} ${key}: empty`] : []),
      ...(same ? [`${language} ${key}: English`] : []),
      ...(placeholdersOf(text).join() === placeholdersOf(said).join() ? [] : [`${language} ${key}: other placeholders`]),
      ...(text === text.trim() ? [] : [`${language} ${key}: spaces around it`])
    ];
  });
}

describe('ui/texts', () => {
  it('says everything in every language, with the same placeholders', () => {
    const faults = AREAS.flatMap((area) => others.flatMap((language) => faultsOf(language, area.en, area[language])));
    assert.equal(faults.join('\n'), '');
  });

  it('has a sentence for every error in every language', () => {
    const english = Object.fromEntries(Object.entries(errorCodes).map(([code, { text }]) => [code, text]));
    assert.equal(others.flatMap((language) => faultsOf(language, english, errors[language])).join('\n'), '');
  });

  it('finds what is missing, untranslated or has lost its placeholder', () => {
    const english = { 'a.b': 'Call {name}', 'a.c': 'Call', 'a.d': 'End' };
    assert.deepEqual(faultsOf('de', english, { 'a.b': 'Anrufen', 'a.c': 'Call', 'a.d': ' ' }), [
      'de a.b: other placeholders',
      'de a.c: English',
      'de a.d: empty',
      'de a.d: spaces around it'
    ]);
  });

  it('has each key in one area only', () => {
    const keys = AREAS.flatMap((area) => Object.keys(area.en));
    assert.equal(new Set(keys).size, keys.length);
  });

  it('writes Arabic and Japanese in their own script', () => {
    for (const area of AREAS)
      for (const [key, english] of Object.entries(area.en)) {
        if (SAME.has(key)) continue;
        assert.match((area.ar as Table)[key] ?? '', /\p{Script=Arabic}/u, `${key}: ${english}`);
        assert.match((area.ja as Table)[key] ?? '', /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u, `${key}: ${english}`);
      }
  });

  it('speaks the room’s language; without it the last one known, then the browser’s, then English', () => {
    assert.equal(languageOf('ja', 'fr', ['de-AT']), 'ja');
    assert.equal(languageOf(null, 'fr', ['de-AT']), 'fr');
    assert.equal(languageOf(null, null, ['nl-NL', 'de-AT', 'fr']), 'de');
    assert.equal(languageOf(null, null, ['nl']), 'en');
    assert.equal(languageOf(null, null, []), 'en');
  });

  it('shows a problem in the page’s language, with the room’s own words where they say more', () => {
    const code: ErrorCode = 'CL_MEDIA_CAMERA_AWAY';
    const text = 'The camera “Front camera” is away.';
    assert.deepEqual(textsOf('en').problem({ code, text }), { text, technical: null });
    assert.deepEqual(textsOf('en').problem({ code, text: '' }), { text: errorCodes[code].text, technical: null });
    assert.deepEqual(textsOf('de').problem({ code, text }), { text: errors.de[code], technical: text });
    assert.deepEqual(textsOf('de').problem({ code, text: errorCodes[code].text }), { text: errors.de[code], technical: null });
  });

  it('says errors, reasons and features in the page’s language', () => {
    assert.equal(textsOf('fr').error('CL_CALL_BUSY'), errors.fr.CL_CALL_BUSY);
    assert.equal(textsOf('fr').error('CL_NO_SUCH'), textsOf('fr')('error.unknown'));
    for (const language of LANGUAGES) {
      const t = textsOf(language);
      assert.equal(t.feature('a feature of tomorrow'), 'a feature of tomorrow');
      assert.notEqual(t.feature('recording'), 'recording');
      assert.equal(t.standardReason(null), t('reason.standard.none'));
    }
  });

  it('writes figures and times in the language’s way, with Latin digits and 24 hours everywhere', () => {
    const afternoon = new Date(2026, 2, 4, 15, 7).getTime();
    for (const language of LANGUAGES) {
      const t = textsOf(language);
      assert.match(t.clock(afternoon), /^15:07$/, language);
      assert.match(t.number(60), /^60$/, language);
      assert.match(t.date(afternoon), /4/, language);
      assert.equal(t.duration(245_900), '4:05');
    }
    assert.match(textsOf('de').date(afternoon), /Mittwoch.*März/);
    assert.equal(textsOf('de').number(1.5), '1,5');
    assert.equal(new Set(LANGUAGES.map((language) => textsOf(language).date(afternoon))).size, LANGUAGES.length);
  });

  it('keeps an address in a right-to-left sentence together', () => {
    assert.equal(textsOf('ar').direction, 'rtl');
    assert.ok(textsOf('ar')('incoming.verifiedHint', { organisation: 'contoso.example' }).includes('\u2068contoso.example\u2069'));
    assert.ok(!textsOf('de')('incoming.verifiedHint', { organisation: 'contoso.example' }).includes('\u2068'));
  });
});
