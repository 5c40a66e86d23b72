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
});
