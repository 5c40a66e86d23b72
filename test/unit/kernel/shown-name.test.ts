import assert from 'node:assert/strict';
import { shownName } from '../../../src/kernel/shown-name.ts';

describe('a name that others give to themselves', () => {
  it('turns and hides nothing around it', () => {
    assert.equal(shownName('  Board\u202eroom\u2066\u0007 \n1 '), 'Boardroom 1');
    assert.equal(shownName('a\u200b\u00ad\u2060\ufeff\u{e0041}b\ud800'), 'ab');
    assert.equal(shownName(`a${'\u0301'.repeat(100)}`), `a${'\u0301'.repeat(4)}`, 'marks are not heaped over other lines');
  });

  it('stays as it is where it is a name in any script', () => {
    for (const name of ['Zürich', '会議室 \u{1f44d}', 'می\u200cخواهم', 'नमस्ते', 'ประชุม', '\u{1f468}\u200d\u{1f469}\u200d\u{1f467} 3'])
      assert.equal(shownName(name), name);
    assert.equal(shownName('\u{1f44d}'.repeat(300)), '\u{1f44d}'.repeat(128), 'cut between characters');
  });

  it('is none where nothing of it can be seen', () => {
    for (const name of ['', ' \t', '\u200b', '\u200c\u200d', '\u3164', '\uffa0\u115f', '\u2800', '\u0301\u0302'])
      assert.equal(shownName(name), '', JSON.stringify(name));
  });

  it('is none where it is an address: those are shown where they are proven', () => {
    for (const name of ['ceo@contoso.example', ' CEO@Contoso.example', 'c\u200beo@contoso.example', 'ceo\uff20contoso.example'])
      assert.equal(shownName(name), '');
    assert.equal(shownName('Anna @ Contoso'), 'Anna @ Contoso');
  });
});
