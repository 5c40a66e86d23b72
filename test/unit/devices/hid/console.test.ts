import assert from 'node:assert/strict';
import { consoleVerdict, rememberedConsoles } from '../../../../src/devices/hid/console.ts';

describe('touch console', () => {
  const [one, other] = ['04e7:0020', '0eef:0001'];

  for (const { title, setting = 'auto', here, remembered, console: expected, remember = remembered } of [
    { title: 'none was ever there', here: [], remembered: [], console: 'none' },
    { title: 'met for the first time', here: [one], remembered: [], console: 'present', remember: [one] },
    { title: 'there as always', here: [one], remembered: [one], console: 'present' },
    { title: 'gone', here: [], remembered: [one], console: 'away' },
    { title: 'gone, while another one that was beside it is there', here: [other], remembered: [one, other], console: 'away' },
    { title: 'replaced by one that was not there before', here: [other], remembered: [one], console: 'present', remember: [other] },
    { title: 'two rows of one', here: [one, one], remembered: [], console: 'present', remember: [one] },
    { title: 'none is wanted', setting: 'none', here: [one], remembered: [other], console: 'none' },
    { title: 'configured and there', setting: one, here: [other, one], remembered: [], console: 'present' },
    { title: 'configured and away', setting: one, here: [other], remembered: [other], console: 'away' }
  ])
    it(title, () => assert.deepEqual(consoleVerdict({ setting, here, remembered }), { console: expected, remember }));

  it('a damaged memory is none', () => {
    for (const text of [null, '', '{}', '[1, "x", null]', '"04e7:0020"', '[']) assert.deepEqual(rememberedConsoles(text), [], String(text));
    assert.deepEqual(rememberedConsoles(JSON.stringify([one, '\u001b[2J'])), [one]);
    assert.equal(rememberedConsoles(JSON.stringify(Array.from({ length: 99 }, () => one))).length, 8);
  });
});
