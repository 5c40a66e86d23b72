import assert from 'node:assert/strict';
import { deriveBytes, deriveKey, keyLabels } from '../../../../../src/media/secure-transport/srtp/key-derivation.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

describe('SRTP key derivation', () => {
  const masterKey = hex('e1f97a0d3e018be0d64fa32c06de4139');
  const masterSalt = hex('0ec675ad498afeebb6960b3aabe6');

  it('gives the keys of RFC 3711 appendix B.3', () => {
    const { cipherKey, authenticationKey, salt } = keyLabels.rtp;
    assert.deepEqual(deriveBytes(masterKey, masterSalt, cipherKey, 16), hex('c61e7a93744f39ee10734afe3ff7a087'));
    assert.deepEqual(deriveBytes(masterKey, masterSalt, salt, 14), hex('30cbbc08863d8c85d49db34a9ae1'));
    assert.deepEqual(
      deriveBytes(masterKey, masterSalt, authenticationKey, 94),
      hex(`cebe321f6ff7716b6fd4ab49af256a15 6d38baa48f0a0acf3c34e2359e6cdbce e049646c43d9327ad175578ef7227098
           6371c10c9a369ac2f94a8c5fbcdddc25 6d6e919a48b610ef17c2041e47403576 6b68642c59bbfc2f34db60dbdfb2`)
    );
  });

  it('gives the keys of RFC 6188 section 7.2 from a master key of 256 bits', () => {
    const key = hex('f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6');
    const salt = hex('3b04803de51ee7c96423ab5b78d2');
    const { cipherKey, authenticationKey, salt: saltLabel } = keyLabels.rtp;
    assert.deepEqual(deriveBytes(key, salt, cipherKey, 32), hex('5ba1064e30ec51613cad926c5a28ef73 1ec7fb397f70a960653caf06554cd8c4'));
    assert.deepEqual(deriveBytes(key, salt, saltLabel, 14), hex('fa31791685ca444a9e07c6c64e93'));
    assert.deepEqual(deriveBytes(key, salt, authenticationKey, 20), hex('fd9c32d39ed5fbb5a9dc96b30818454d1313dc05'));
  });

  it('has other labels for SRTCP (RFC 3711 section 4.3.2)', () => {
    const { cipherKey, authenticationKey, salt } = keyLabels.rtcp;
    assert.deepEqual(deriveBytes(masterKey, masterSalt, cipherKey, 16), hex('4c1aa45a81f73d61c800bbb00fbb1eaa'));
    assert.deepEqual(deriveBytes(masterKey, masterSalt, authenticationKey, 20), hex('8d54534feb49ae8e7993a6bd0b844fc323a93dfd'));
    assert.deepEqual(deriveBytes(masterKey, masterSalt, salt, 14), hex('9581c7ad87b3e530bf3e4454a8b3'));
  });

  it('counts a salt of twelve bytes as if two zeros followed (RFC 7714 section 11)', () => {
    const short = masterSalt.subarray(0, 12);
    assert.deepEqual(deriveBytes(masterKey, short, 2, 12), deriveBytes(masterKey, Buffer.concat([short, Buffer.alloc(2)]), 2, 12));
  });

  it('makes a key object of the same bytes', () => {
    assert.deepEqual(deriveKey(masterKey, masterSalt, 0, 16).export(), hex('c61e7a93744f39ee10734afe3ff7a087'));
  });
});
