import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { parseAddress } from '../../../src/kernel/address.ts';

const account = (text: string): string | null => {
  const result = parseAddress(text);
  return result.ok ? result.value.account : null;
};

describe('kernel: address', () => {
  it('takes an address apart', () => {
    assert.deepEqual(parseAddress('board.room-2_a@meet.contoso.example'), {
      ok: true,
      value: { account: 'board.room-2_a@meet.contoso.example', local: 'board.room-2_a', organisation: 'meet.contoso.example' }
    });
  });

  it('forgives blanks around it and capitals', () => {
    assert.equal(account('  BoardRoom@Contoso.Example\n'), 'boardroom@contoso.example');
  });

  it('refuses everything else with CL_ADDRESS_INVALID', () => {
    const wrong = [
      '',
      '@',
      'a',
      'a@',
      '@contoso.example',
      'a@contoso', // not a DNS name with two labels
      'a@@contoso.example',
      'a@b@contoso.example',
      'a b@contoso.example',
      'a@contoso..example',
      'a@.contoso.example',
      'a@contoso.example.',
      'a@-contoso.example',
      'a@contoso-.example',
      'a@con_toso.example',
      'raum-größe@contoso.example',
      'a+b@contoso.example',
      'a/b@contoso.example',
      'a#@contoso.example',
      `${'a'.repeat(65)}@contoso.example`,
      `a@${'a'.repeat(64)}.example`,
      `a@${'abc.'.repeat(70)}example`,
      'a@contoso.example\u0000'
    ];
    for (const text of wrong) {
      const result = parseAddress(text);
      assert.equal(result.ok ? result.value.account : result.error.code, 'CL_ADDRESS_INVALID', JSON.stringify(text));
    }
  });

  it('accepts the longest parts', () => {
    assert.ok(account(`${'a'.repeat(64)}@contoso.example`));
    assert.ok(account(`a@${'a'.repeat(63)}.example`));
  });

  it('property: never throws; what it accepts is in its own form and parses to itself', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'Z', '0', '.', '-', '_', '@', ' ', 'é', '\u212a', '\n'), maxLength: 20 });
    fc.assert(
      fc.property(fc.oneof(fc.string(), letters, fc.emailAddress()), (text) => {
        const result = parseAddress(text);
        if (!result.ok) return;
        assert.match(result.value.account, /^[a-z0-9._-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+$/);
        assert.equal(`${result.value.local}@${result.value.organisation}`, result.value.account);
        assert.deepEqual(parseAddress(result.value.account), result);
      })
    );
  });
});
