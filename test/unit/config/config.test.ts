import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import * as fc from 'fast-check';
import * as z from 'zod';
import { type ConfigLayer, mergeLayers, parseOverride, resolveConfig } from '../../../src/config/layers.ts';
import { type Config, configSchema } from '../../../src/config/schema.ts';

const valid = (...layers: ConfigLayer[]): Config => {
  const resolved = resolveConfig(layers);
  assert.ok(resolved.ok, resolved.ok ? '' : resolved.error.message);
  return resolved.value;
};
const problemsOf = (...layers: ConfigLayer[]): string => {
  const resolved = resolveConfig(layers);
  assert.ok(!resolved.ok, 'the configuration was accepted');
  assert.equal(resolved.error.code, 'CL_CONFIG_INVALID');
  return resolved.error.message;
};

describe('configuration', () => {
  it('has defaults for everything; end-to-end encryption is off, nothing leaves the machine', () => {
    const config = valid();
    assert.equal(config.encryption.policy, 'Disabled');
    assert.equal(config.encryption.setting, false);
    assert.equal(config.identity.acceptUnsigned, false);
    assert.equal(config.uiServer.host, '127.0.0.1');
    assert.equal(config.broker.listen.host, '127.0.0.1');
    assert.deepEqual(config.media.iceServers, []);
    assert.equal(config.call.autoAnswer, false);
  });

  it('says of each key what it is and when a change takes effect', () => {
    type Node = { properties?: Record<string, Node>; title?: string; description?: string; restart?: string };
    const untold = (node: Node, at: string): string[] =>
      node.properties === undefined
        ? node.title && node.description && ['none', 'next-call', 'restart'].includes(node.restart ?? '')
          ? []
          : [at]
        : Object.entries(node.properties).flatMap(([key, child]) => untold(child, `${at}.${key}`));
    assert.deepEqual(untold(z.toJSONSchema(configSchema, { io: 'input' }) as Node, ''), []);
  });

  it('ships defaults that are the schema’s', async () => {
    const shipped: unknown = JSON.parse(await readFile(new URL('../../../config/default.json', import.meta.url), 'utf8'));
    assert.deepEqual(shipped, valid());
    assert.deepEqual(valid(shipped as ConfigLayer), valid());
  });

  it('puts the command line over the file over the defaults, key by key; a list is replaced whole', () => {
    const file = { room: { name: 'Boardroom' }, uiServer: { port: 9000, allowedHosts: ['a.example', 'b.example'] } };
    const config = valid(file, { uiServer: { port: 9001, allowedHosts: ['c.example'] } });
    assert.equal(config.room.name, 'Boardroom');
    const deep = valid({ media: { video: { fps: 15 } } }, { media: { camera: 'test', video: { width: 640 } } });
    assert.deepEqual([deep.media.camera, deep.media.video.fps, deep.media.video.width, deep.media.video.height], ['test', 15, 640, 720]);
    assert.deepEqual(config.uiServer, { host: '127.0.0.1', port: 9001, allowedHosts: ['c.example'] });
    assert.equal(file.uiServer.port, 9000, 'a layer is not changed');
  });

  it('names every wrong key in one go, with its whole path', () => {
    const message = problemsOf({
      room: { nme: 'x', name: '' },
      broker: { listen: { port: 70_000 } },
      media: { camera: 7, video: { width: 1281, fps: 0 }, codecs: ['VP8', 'VP8'], hardwareEncoding: 'required', iceServers: [{ urls: 'http://x' }] },
      log: 'loud',
      uiServer: { allowedHosts: ['ok.example', 'Not Ok'] },
      dataDirectory: null,
      colour: 'red'
    });
    for (const part of [
      'room.nme is not a key that Cloister knows',
      'room.name must be at least 1',
      'broker.listen.port must be at most 65535',
      'media.camera must be text',
      'media.video.width must be a multiple of 2',
      'media.video.fps must be at least 1',
      'media.codecs names a codec twice',
      'media.hardwareEncoding must be',
      'media.iceServers[0].urls must be one stun:',
      'log must be an object with keys',
      'uiServer.allowedHosts[1] must be a host',
      'dataDirectory must be text',
      'colour is not a key that Cloister knows'
    ]) {
      assert.ok(message.includes(part), `${part}\n${message}`);
    }
  });

  it('never repeats a value: it may be a credential', () => {
    const secret = 'hunter2hunter2';
    const message = problemsOf({
      media: { iceServers: [{ urls: secret, username: 1, credential: { a: secret } }] },
      broker: { url: `mqtts://me:${secret}@x` },
      log: { level: secret }
    });
    assert.doesNotMatch(message, /hunter2/);
  });

  it('looks at keys that belong together', () => {
    assert.match(problemsOf({ broker: { mode: 'external' } }), /broker\.url is needed where broker\.mode is external/);
    valid({ broker: { mode: 'external', url: 'mqtts://broker.contoso.example:8883' } });
    valid({ broker: { mode: 'external', url: 'wss://broker.contoso.example/mqtt' } });
    for (const url of ['mqtt://x', 'ws://x', 'https://x', 'mqtts://', 'mqtts://u:p@x', 'mqtts://x y']) {
      assert.match(problemsOf({ broker: { mode: 'external', url } }), /broker\.url must be an mqtts/, url);
    }
    assert.match(problemsOf({ uiServer: { port: 8883 } }), /uiServer\.port is the embedded broker’s port too/);
    assert.match(problemsOf({ uiServer: { port: 8883, host: '127.0.0.2' }, broker: { listen: { host: '127.0.0.2' } } }), /uiServer\.port is/);
    valid({ uiServer: { port: 0 }, broker: { listen: { port: 0 } } });
    valid({ uiServer: { port: 8883 }, broker: { mode: 'external', url: 'mqtts://x' } });
    assert.match(
      problemsOf({ media: { iceServers: [{ urls: 'turn:turn.contoso.example', username: 'x' }] } }),
      /media\.iceServers\[0\] is a TURN server and needs username and credential/
    );
    valid({ media: { iceServers: [{ urls: 'turns:turn.contoso.example:443', username: 'x', credential: 'y' }, { urls: 'stun:stun.contoso.example' }] } });
  });

  it('serves the panel on loopback alone, and one elsewhere over TLS alone', () => {
    for (const host of ['127.0.0.1', '127.0.0.2', 'localhost', '::1']) valid({ uiServer: { host } });
    for (const host of [
      '0.0.0.0',
      '::',
      '192.0.2.1',
      '127.0.0.1.contoso.example',
      'localhost.contoso.example',
      'panel.contoso.example',
      '128.0.0.1',
      'fe80::1',
      '::ffff:127.0.0.1'
    ])
      assert.match(problemsOf({ uiServer: { host } }), /uiServer\.host must be a loopback address.*uiServer\.remote/, host);
    valid({ uiServer: { remote: { certificateDirectory: 'panel' } } });
    assert.match(problemsOf({ uiServer: { remote: {} } }), /uiServer\.remote\.certificateDirectory must be text/);
  });

  it('takes addresses and refuses what is none', () => {
    for (const host of ['127.0.0.1', '127.0.0.2', 'localhost', '::1', '0.0.0.0', 'broker.contoso.example', 'fe80::1']) valid({ broker: { listen: { host } } });
    for (const host of ['', 'a b', 'http://x', 'x:1/', '[::1]', '-x', 'x/y']) problemsOf({ broker: { listen: { host } } });
    for (const name of ['panel', 'panel.contoso.example', 'panel.contoso.example:8480', '[::1]:80', '10.0.0.1']) valid({ uiServer: { allowedHosts: [name] } });
    for (const name of ['*', 'http://x', 'Panel', 'x:', 'x/y', '']) problemsOf({ uiServer: { allowedHosts: [name] } });
  });

  it('takes addresses of cameras that can be opened as such, and no other', () => {
    const cameras = (address: string): ConfigLayer => ({ devices: { visca: [{ name: 'Front', address }] } });
    for (const address of ['udp://10.0.0.7', 'tcp://camera.example:5678', 'udp://[fd00::7]:52381'])
      assert.equal(valid(cameras(address)).devices.visca.length, 1);
    for (const address of ['udp://10.0.0.7:70000', 'udp://[::::]:52381', 'http://camera', 'camera'])
      assert.match(problemsOf(cameras(address)), /devices\.visca.*must be udp:/, address);
  });

  it('takes the relay service’s account as it is in messages and no other way: it would never be found to be the one that answers', () => {
    valid({ media: { relay: { service: 'relay@contoso.example' } } });
    for (const service of ['Relay@contoso.example', 'relay@Contoso.example', ' relay@contoso.example', 'relay', 'relay@contoso']) {
      assert.match(problemsOf({ media: { relay: { service } } }), /media\.relay\.service must be an account/, service);
    }
  });

  it('is not led astray by names of JavaScript', () => {
    for (const text of ['{"__proto__":{"admin":true}}', '{"constructor":{}}', '{"room":{"__proto__":{"name":"x"}}}', '{"toString":1}']) {
      assert.match(problemsOf(JSON.parse(text) as ConfigLayer), /is not a key that Cloister knows/, text);
    }
    assert.equal(({} as { admin?: boolean }).admin, undefined);
  });

  it('reads overrides: JSON where it is that, else text', () => {
    const layer = (text: string): unknown => {
      const parsed = parseOverride(text);
      return parsed.ok ? parsed.value : parsed.error.code;
    };
    assert.deepEqual(layer('uiServer.port=8481'), { uiServer: { port: 8481 } });
    assert.deepEqual(layer('room.name=Board room = 2'), { room: { name: 'Board room = 2' } });
    assert.deepEqual(layer('room.name="7"'), { room: { name: '7' } });
    assert.deepEqual(layer('log.directory=null'), { log: { directory: null } });
    assert.deepEqual(layer('uiServer.allowedHosts=["x"]'), { uiServer: { allowedHosts: ['x'] } });
    assert.deepEqual(layer('dataDirectory='), { dataDirectory: '' });
    for (const text of ['', '=', '=1', 'room', 'room..name=1', '.room=1', '__proto__.x=1', 'a b=1', 'room.=1'])
      assert.equal(layer(text), 'CL_CONFIG_INVALID', text);
  });

  it('merges without a trace in what is merged, and the same layer twice is as once', () => {
    const { layer } = fc.letrec((tie) => ({
      layer: fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), fc.oneof({ maxDepth: 3 }, fc.integer(), fc.array(fc.integer()), tie('layer')), {
        noNullPrototype: true
      })
    }));
    fc.assert(
      fc.property(layer, layer, (lower, upper) => {
        const before = JSON.stringify([lower, upper]);
        const merged = mergeLayers(lower as ConfigLayer, upper as ConfigLayer);
        assert.deepEqual(mergeLayers(merged, upper as ConfigLayer), merged);
        assert.equal(JSON.stringify([lower, upper]), before);
        assert.deepEqual(new Set(Object.keys(merged)), new Set([...Object.keys(lower as object), ...Object.keys(upper as object)]));
      })
    );
  });

  it('gives a whole configuration or names a problem, whatever a file holds', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.keys(configSchema.shape)), fc.jsonValue({ maxDepth: 3 })), (layer) => {
        const resolved = resolveConfig([layer as ConfigLayer]);
        if (resolved.ok) assert.deepEqual(valid(resolved.value), resolved.value, 'a valid configuration is its own');
        else assert.match(resolved.error.message, /^The configuration is not valid: .+\.$/s);
      })
    );
  });
});
