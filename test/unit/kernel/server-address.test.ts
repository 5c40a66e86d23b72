// Which addresses of STUN and TURN servers are taken.
import assert from 'node:assert/strict';
import { configSchema } from '../../../src/config/schema.ts';
import { parseServerAddress } from '../../../src/kernel/server-address.ts';

const KNOWN = {
  'stun:stun.contoso.example': { kind: 'stun', host: 'stun.contoso.example', port: 3478, transport: 'udp' },
  'stun:192.0.2.1:19302': { kind: 'stun', host: '192.0.2.1', port: 19302, transport: 'udp' },
  'turn:turn.contoso.example': { kind: 'turn', host: 'turn.contoso.example', port: 3478, transport: 'udp' },
  'turn:turn.contoso.example:80?transport=tcp': { kind: 'turn', host: 'turn.contoso.example', port: 80, transport: 'tcp' },
  'turn:[2001:db8::1]:3478?transport=udp': { kind: 'turn', host: '2001:db8::1', port: 3478, transport: 'udp' },
  'turns:turn.contoso.example': { kind: 'turn', host: 'turn.contoso.example', port: 5349, transport: 'tls' },
  'turns:[2001:db8::1]:443?transport=tcp': { kind: 'turn', host: '2001:db8::1', port: 443, transport: 'tls' }
};
const UNUSABLE = [
  '',
  'turn:',
  'turn://turn.contoso.example',
  'turn:turn.contoso.example:0',
  'turn:turn.contoso.example:65536',
  'turn:turn.contoso.example?transport=sctp',
  'turn:user@turn.contoso.example',
  'turn:[192.0.2.1]',
  'turn:2001:db8::1',
  'turns:turn.contoso.example?transport=udp',
  'stuns:stun.contoso.example',
  'stun:stun.contoso.example?transport=tcp',
  'turn:turn.contoso.example\nturn:x'
];

const asConfigured = (urls: string) => configSchema.safeParse({ media: { iceServers: [{ urls, username: 'u', credential: 'c' }] } }).success;

describe('the address of a STUN or TURN server', () => {
  it('is read with the ports of RFC 7064 and RFC 7065 where it names none', () => {
    for (const [url, expected] of Object.entries(KNOWN)) assert.deepEqual(parseServerAddress(url), expected, url);
  });

  it('is none where it could not be reached as it is written', () => {
    for (const url of UNUSABLE) assert.equal(parseServerAddress(url), null, url);
  });

  it('is taken by the configuration where it can be used, and only there', () => {
    for (const url of Object.keys(KNOWN)) assert.ok(asConfigured(url), url);
    for (const url of UNUSABLE) assert.ok(!asConfigured(url), url);
  });
});
