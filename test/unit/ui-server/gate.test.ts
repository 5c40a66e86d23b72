import assert from 'node:assert/strict';
import { allowedHostsOf, panelAddressesOf, type RequestFacts, refusal, secureHostsOf } from '../../../src/ui-server/gate.ts';
import { problemOf } from '../../../src/ui-server/problem.ts';

const ALLOWED = allowedHostsOf({ host: '127.0.0.1', port: 8480 }, ['panel.contoso.example']);
const GET: RequestFacts = { method: 'GET', path: '/api/v1/state', host: ['127.0.0.1:8480'], origin: [], fetchSite: undefined, contentType: undefined };
const POST: RequestFacts = { ...GET, method: 'POST', path: '/api/v1/calls', contentType: 'application/json' };

const statusOf = (request: RequestFacts): number | null => {
  const refused = refusal(request, ALLOWED);
  return refused === null ? null : problemOf(refused).status;
};

describe('gate', () => {
  it('lets the room’s own names in', () => {
    for (const host of ['127.0.0.1:8480', 'localhost:8480', 'LOCALHOST:8480', '[::1]:8480', 'panel.contoso.example', 'panel.contoso.example:8480']) {
      assert.equal(statusOf({ ...GET, host: [host] }), null, host);
      assert.equal(statusOf({ ...POST, host: [host], origin: [`http://${host}`] }), null, host);
    }
  });

  it('refuses every other Host: a page that made its own name point here', () => {
    for (const host of [
      'evil.example:8480',
      '127.0.0.1',
      'localhost',
      '127.0.0.1:8481',
      'localhost.:8480',
      '127.0.0.1:8480.evil.example',
      '',
      ' 127.0.0.1:8480'
    ]) {
      assert.equal(statusOf({ ...GET, host: [host] }), 403, host);
    }
    assert.equal(statusOf({ ...GET, host: [] }), 403, 'none');
    assert.equal(statusOf({ ...GET, host: ['127.0.0.1:8480', 'evil.example'] }), 403, 'two');
  });

  it('leaves the port away only where it is the scheme’s own', () => {
    assert.ok(allowedHostsOf({ host: '127.0.0.1', port: 80 }, []).has('localhost'));
    assert.ok(!ALLOWED.has('localhost'));
  });

  it('knows the address it listens on, and no wildcard as a name', () => {
    assert.ok(allowedHostsOf({ host: '192.0.2.7', port: 1 }, []).has('192.0.2.7:1'));
    assert.ok(allowedHostsOf({ host: '2001:db8::1', port: 1 }, []).has('[2001:db8::1]:1'));
    assert.ok(!allowedHostsOf({ host: '0.0.0.0', port: 1 }, []).has('0.0.0.0:1'));
  });

  it('tells panels elsewhere the names in the certificate, as a browser takes them, and none that means the machine itself', () => {
    const names = ['localhost', '127.0.0.1', '[::1]', 'panel.contoso.example', '192.0.2.7', '[2001:db8::7]'];
    assert.deepEqual(panelAddressesOf(8443, names), [
      'https://panel.contoso.example:8443/panel/',
      'https://192.0.2.7:8443/panel/',
      'https://[2001:db8::7]:8443/panel/'
    ]);
    assert.deepEqual(panelAddressesOf(443, ['panel.contoso.example', 'localhost.contoso.example']), [
      'https://panel.contoso.example/panel/',
      'https://localhost.contoso.example/panel/'
    ]);
    assert.deepEqual(panelAddressesOf(8443, ['localhost']), []);
  });

  it('holds a listener of TLS to the names in its certificate, and to pages that came over TLS', () => {
    const hosts = secureHostsOf({ host: '0.0.0.0', port: 8443 }, ['panel.contoso.example']);
    const request = { ...POST, host: ['panel.contoso.example:8443'] };
    const status = (origin: string): number | null => {
      const refused = refusal({ ...request, origin: [origin] }, hosts, true);
      return refused === null ? null : problemOf(refused).status;
    };
    assert.equal(status('https://panel.contoso.example:8443'), null);
    for (const origin of [
      'http://panel.contoso.example:8443',
      'HTTP://panel.contoso.example:8443',
      'https://panel.contoso.example',
      'http://panel.contoso.example'
    ])
      assert.equal(status(origin), 403, origin);
    assert.deepEqual([hosts.has('panel.contoso.example'), hosts.has('0.0.0.0:8443')], [false, false]);
    assert.ok(secureHostsOf({ host: '0.0.0.0', port: 443 }, ['panel.contoso.example']).has('panel.contoso.example'));
  });

  it('refuses foreign origins, also of a request that only reads', () => {
    for (const origin of [
      'http://evil.example',
      'null',
      '',
      'http://127.0.0.1:8481',
      'http://127.0.0.1',
      'ftp://127.0.0.1:8480',
      'http://127.0.0.1:8480/x',
      'http://u@127.0.0.1:8480'
    ]) {
      assert.equal(statusOf({ ...GET, origin: [origin] }), 403, origin);
      assert.equal(statusOf({ ...POST, origin: [origin] }), 403, origin);
    }
    assert.equal(statusOf({ ...POST, origin: ['http://127.0.0.1:8480', 'http://evil.example'] }), 403);
  });

  it('refuses what a browser says comes from elsewhere, but lets a person follow a link to the panel', () => {
    for (const fetchSite of ['cross-site', 'same-site', 'something-new']) {
      assert.equal(statusOf({ ...GET, fetchSite }), 403, fetchSite);
      assert.equal(statusOf({ ...POST, fetchSite }), 403, fetchSite);
      assert.equal(statusOf({ ...GET, path: '/panel/', fetchSite }), null, fetchSite);
    }
    for (const fetchSite of ['same-origin', 'none']) assert.equal(statusOf({ ...POST, fetchSite }), null, fetchSite);
  });

  it('takes changes as JSON only: no form can send that', () => {
    for (const contentType of [
      undefined,
      '',
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'application/jsonp',
      'text/plain; application/json'
    ]) {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
        assert.equal(statusOf({ ...POST, method, contentType }), 415, `${method} ${contentType}`);
    }
    for (const contentType of ['application/json', 'Application/JSON; charset=utf-8', 'application/json ;charset=utf-8']) {
      assert.equal(statusOf({ ...POST, contentType }), null, contentType);
    }
  });
});
