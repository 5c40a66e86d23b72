import assert from 'node:assert/strict';
import { LANGUAGES } from '../../../src/kernel/panel-choices.ts';
import { speechOf } from '../../../src/speech/spoken-code.ts';

const CODE = '01234 56789 98765 43210';

describe('a code that is read out', () => {
  it('has each digit by itself, in its order, and a longer rest between groups', () => {
    const { text, voice } = speechOf(CODE, 'de') ?? {};
    assert.equal(voice, 'de');
    assert.equal([...(text ?? '').matchAll(/<s>(\d)<\/s>/g)].map(([, digit]) => digit).join(''), CODE.replaceAll(' ', ''));
    const groups = (text ?? '').split(/<break time="\d+ms"\/>/).map((group) => group.match(/<s>/g)?.length);
    assert.deepEqual(groups, [5, 5, 5, 5]);
  });

  it('is said in a voice of its own in each language, in Japanese by the readings that are not mistaken', () => {
    const voices = LANGUAGES.map((language) => speechOf(CODE, language)?.voice);
    assert.equal(new Set(voices).size, LANGUAGES.length);
    const words = [...(speechOf('0123456789', 'ja')?.text ?? '').matchAll(/<s>([^<]+)<\/s>/g)].map(([, word]) => word);
    assert.equal(new Set(words).size, 10);
    assert.deepEqual([words[4], words[7]], ['よん', 'なな']);
  });

  it('is nothing else than digits in groups', () => {
    for (const none of ['', ' ', '1  2', '12345 ', '<s>1</s>', '1a', '١٢٣', '1'.repeat(11)]) assert.equal(speechOf(none, 'en'), null, none);
  });
});
