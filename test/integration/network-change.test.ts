// The network changes under a call. Peers and rooms are in network namespaces of their own, with a router between them.
import assert from 'node:assert/strict';
import { pause, until } from '../fakes/dtls-attacker.ts';
import { type LinkedNetworks, linkNetworks, up } from '../harness/linked-networks.ts';
import { type PeerPair, startPeers } from '../harness/peer-pair.ts';

/** The aim is 3 s; the machine may be a slow one. */
const BACK_LIMIT_MS = 6_000;

const thumbprintsOf = ({ peers }: PeerPair) => peers.map(({ secured }) => secured);

/** @returns how long it took until both heard each other again */
async function backAfter(pair: PeerPair, change: () => Promise<unknown>): Promise<number> {
  await change();
  const changedMs = performance.now();
  // What was on its way when it changed is not a sign of anything.
  await pause(300);
  const fromMs = performance.now();
  await until(() => pair.peers.every(({ heardAtMs }) => heardAtMs > fromMs), 'both heard again', 15_000);
  const tookMs = Math.max(...pair.peers.map(({ heardAtMs }) => heardAtMs)) - changedMs;
  console.log(`      heard again both ways after ${tookMs.toFixed(0)} ms`);
  return tookMs;
}

describe('a connection whose network changes', function () {
  this.timeout(60_000);
  /** Half a minute passes before its test: it begins with the first one. */
  let vanished: { readonly networks: LinkedNetworks; readonly pair: PeerPair; readonly atMs: number };
  before(async () => {
    const networks = await linkNetworks();
    const pair = await startPeers(networks);
    process.kill(pair.peers[1].pid, 'SIGKILL');
    vanished = { networks, pair, atMs: performance.now() };
  });
  after(async () => {
    await vanished.pair[Symbol.asyncDispose]();
    await vanished.networks[Symbol.asyncDispose]();
  });

  async function survives(change: (networks: LinkedNetworks) => Promise<unknown>, check: (networks: LinkedNetworks) => Promise<void>): Promise<void> {
    await using networks = await linkNetworks();
    await using pair = await startPeers(networks);
    const before = thumbprintsOf(pair);
    const tookMs = await backAfter(pair, () => change(networks));
    assert.ok(tookMs < BACK_LIMIT_MS, `${tookMs.toFixed(0)} ms`);
    assert.deepEqual(thumbprintsOf(pair), before);
    await check(networks);
    assert.deepEqual(
      pair.peers.map(({ failed }) => failed),
      [null, null]
    );
  }
  /** At 50 packets a second each way: what flows there is the call. */
  async function carriesTheCall(networks: LinkedNetworks, networkInterface: string): Promise<void> {
    const before = await networks.packets('first', networkInterface);
    await pause(1_000);
    const passed = (await networks.packets('first', networkInterface)) - before;
    assert.ok(passed > 50, `${passed} packets on ${networkInterface}`);
  }

  it('goes on when the address of a side is another one', () =>
    survives(
      (networks) => networks.run('first', `ip addr flush dev eth0; ${up('eth0', 1, undefined, 77)}`),
      (networks) => carriesTheCall(networks, 'eth0')
    ));

  it('goes on over another link when the first goes down', () =>
    survives(
      (networks) => networks.run('first', `${up('eth1', 2)}; ip link set eth0 down`),
      (networks) => carriesTheCall(networks, 'eth1')
    ));

  it('goes on when its only link was down for two seconds', () =>
    survives(
      async (networks) => {
        await networks.run('first', 'ip link set eth0 down');
        await pause(2_000);
        await networks.run('first', up('eth0', 1));
      },
      (networks) => carriesTheCall(networks, 'eth0')
    ));

  it('goes on after one change after the other, on both sides', async () => {
    await using networks = await linkNetworks();
    await using pair = await startPeers(networks);
    const before = thumbprintsOf(pair);
    await backAfter(pair, () => networks.run('second', `ip addr flush dev eth0; ${up('eth0', 3, undefined, 33)}`));
    await backAfter(pair, () =>
      Promise.all([
        networks.run('first', `ip addr flush dev eth0; ${up('eth0', 1, undefined, 11)}`),
        networks.run('second', `ip addr flush dev eth0; ${up('eth0', 3, undefined, 34)}`)
      ])
    );
    await backAfter(pair, () => networks.run('first', `${up('eth1', 2)}; ip link set eth0 down`));
    await carriesTheCall(networks, 'eth1');
    assert.deepEqual(thumbprintsOf(pair), before);
  });

  for (const [name, families] of [
    ['IPv6 only', { v4: false, v6: true }],
    ['both families', { v4: true, v6: true }]
  ] as const) {
    it(`is made and goes on with ${name}`, async () => {
      await using networks = await linkNetworks(families);
      await using pair = await startPeers(networks);
      await carriesTheCall(networks, 'eth0');
      const tookMs = await backAfter(pair, () => networks.run('first', `${up('eth1', 2, families)}; ip link set eth0 down`));
      assert.ok(tookMs < BACK_LIMIT_MS, `${tookMs.toFixed(0)} ms`);
      await carriesTheCall(networks, 'eth1');
    });
  }

  it('ends within 30 s when the other side has vanished, and sends nothing more', async () => {
    const { networks, pair, atMs } = vanished;
    const [peer] = pair.peers;
    await until(() => peer.failed !== null, 'the end', 35_000);
    const tookMs = (peer.failed?.atMs ?? 0) - atMs;
    console.log(`      ended after ${(tookMs / 1_000).toFixed(1)} s`);
    assert.equal(peer.failed?.code, 'CL_MEDIA_LOST');
    // 30 s, and what a busy machine takes to say it.
    assert.ok(tookMs > 20_000 && tookMs < 32_000, `${tookMs.toFixed(0)} ms`);
    const before = await networks.packets('router', 'second0');
    await pause(1_000);
    const passed = (await networks.packets('router', 'second0')) - before;
    assert.ok(passed < 5, `${passed} packets in a second`);
    assert.deepEqual(peer.silences, [true]);
  });
});
