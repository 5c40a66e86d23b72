// The login that a relay with the same secret takes.
import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { mintLogin } from '../../../src/relay/mint.ts';

const ENDPOINT = 'abcdefghijklmnopqrstuvwxyz';

describe('a login for a relay', () => {
  it('is what `openssl dgst -sha1 -hmac` makes of expiry and endpoint', () => {
    // printf '1800000000:abcdefghijklmnopqrstuvwxyz' | openssl dgst -sha1 -hmac north-wind-and-the-sun -binary | base64
    const login = mintLogin(createSecretKey('north-wind-and-the-sun', 'utf8'), ENDPOINT, 1_800_000_000_999);
    assert.deepEqual(login, { username: `1800000000:${ENDPOINT}`, credential: 'pB/hOlunAYFd+7bfNp49cnRDduQ=', expiresAtMs: 1_800_000_000_000 });
  });

  it('is another one for another endpoint, time or secret', () => {
    const [secret, other] = [createSecretKey('a', 'utf8'), createSecretKey('b', 'utf8')];
    const logins = [
      mintLogin(secret, ENDPOINT, 5_000),
      mintLogin(secret, `${ENDPOINT.slice(1)}a`, 5_000),
      mintLogin(secret, ENDPOINT, 6_000),
      mintLogin(other, ENDPOINT, 5_000)
    ];
    assert.equal(new Set(logins.map(({ credential }) => credential)).size, 4);
  });
});
