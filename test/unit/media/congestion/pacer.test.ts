import assert from 'node:assert/strict';
import { createPacer, MAX_HELD_UP_MS, type PacedKind, type Pacer } from '../../../../src/media/congestion/pacer.ts';

type Left = { readonly name: string; readonly atMs: number };

/** A pacer, what left it, and a caller that asks when it was told to. */
function paced(kbps: number): {
  readonly pacer: Pacer;
  readonly left: Left[];
  push(kind: PacedKind, name: string, bytes?: number): void;
  run(untilMs: number): void;
} {
  const pacer = createPacer();
  pacer.setRate(kbps);
  const left: Left[] = [];
  let nowMs = 0;
  return {
    pacer,
    left,
    push: (kind, name, bytes = 1000) => pacer.push({ kind, bytes, send: () => left.push({ name, atMs: nowMs }) }, nowMs),
    run(untilMs) {
      while (nowMs <= untilMs) nowMs += Math.max(0.001, Math.min(pacer.due(nowMs), untilMs - nowMs + 1));
    }
  };
}

describe('pacer', () => {
  it('sound leaves at once, repairs before their picture, the screen before the camera, padding last', () => {
    const { left, push, run } = paced(1000);
    for (const kind of ['padding', 'video', 'video-repair', 'screen', 'screen-repair', 'audio'] as const) push(kind, kind);
    assert.deepEqual(left, [{ name: 'audio', atMs: 0 }]);
    run(100);
    assert.deepEqual(
      left.map(({ name }) => name),
      ['audio', 'screen-repair', 'screen', 'video-repair', 'video', 'padding']
    );
  });

  it('a page that takes long leaves at the rate, and only its end at twice the rate', () => {
    const { left, push, run } = paced(800); // 100 bytes a millisecond
    for (let index = 0; index < 100; index++) push('screen', String(index));
    run(2_000);
    const lastMs = left.at(-1)?.atMs ?? 0;
    assert.equal(left.length, 100);
    assert.ok(lastMs > 900 && lastMs < 1_000, `${lastMs} ms`);
  });

  it('a keyframe leaves evenly at twice the rate, in its order', () => {
    const { left, push, run } = paced(2000);
    for (let index = 0; index < 20; index++) push('video', String(index));
    run(200);
    assert.deepEqual(
      left.map(({ name }) => Number(name)),
      Array.from({ length: 20 }, (_, index) => index)
    );
    // 19 times 8000 bits at 4 Mbit/s.
    assert.ok(Math.abs((left.at(-1)?.atMs ?? 0) - 38) < 1);
    const gaps = left.slice(1).map(({ atMs }, index) => atMs - (left[index]?.atMs ?? 0));
    assert.ok(Math.max(...gaps) < 2.5);
  });

  it('a timer that comes late is made up for a little, not in one burst', () => {
    const { pacer, left, push } = paced(1000);
    for (let index = 0; index < 50; index++) push('video', String(index));
    pacer.due(0);
    pacer.due(1000);
    assert.ok(left.length > 1 && left.length < 8, String(left.length));
  });

  it('sound does not hold up the rest for ever, however much of it is sent', () => {
    const { pacer, left, push } = paced(50);
    for (let index = 0; index < 2000; index++) push('audio', 'sound', 200);
    pacer.setRate(1000);
    push('video', 'picture');
    assert.ok(pacer.due(0) <= MAX_HELD_UP_MS);
    pacer.due(MAX_HELD_UP_MS);
    assert.equal(left.at(-1)?.name, 'picture');
  });

  it('tells what is forgotten, and not what has left', () => {
    const pacer = createPacer();
    const told: string[] = [];
    const item = (name: string) => ({
      kind: 'video-repair' as const,
      bytes: 1000,
      send: () => void told.push(`sent ${name}`),
      dropped: () => void told.push(`dropped ${name}`)
    });
    pacer.push(item('first'), 0);
    pacer.push(item('second'), 0);
    pacer.due(0);
    assert.equal(pacer.drop('video-repair'), true);
    assert.equal(pacer.drop('video-repair'), false);
    assert.deepEqual([told, pacer.queuedMs(0)], [['sent first', 'dropped second'], 0]);
  });

  it('says how long its queue is, hurries with none, and forgets what is dropped', () => {
    const { pacer, left, push, run } = paced(100);
    assert.equal(pacer.queuedMs(0), 0);
    for (let index = 0; index < 20; index++) push('video', String(index));
    push('screen', 'screen');
    assert.equal(pacer.queuedMs(0), 21 * 40);
    run(300);
    assert.ok(left.length <= 300 / 40 + 1, String(left.length)); // 40 ms for each
    assert.deepEqual([pacer.drop('video'), pacer.drop('video')], [true, false]);
    assert.equal(pacer.queuedMs(1000), 0);
    assert.equal(pacer.due(1000), Infinity);
  });

  it('a probe leaves at its own rate, what follows it does not', () => {
    const { pacer, left, push, run } = paced(300);
    pacer.probe(3000, 6000);
    for (let index = 0; index < 10; index++) push('padding', String(index));
    run(200);
    assert.ok((left[5]?.atMs ?? Infinity) < 15);
    assert.ok((left[8]?.atMs ?? 0) - (left[7]?.atMs ?? 0) > 6);
  });

  it('an item that pushes another while it is sent does no harm', () => {
    const pacer = createPacer();
    let sent = 0;
    pacer.push({ kind: 'video', bytes: 10, send: () => pacer.push({ kind: 'video-repair', bytes: 10, send: () => sent++ }, 0) }, 0);
    pacer.due(0);
    pacer.due(100);
    assert.equal(sent, 1);
  });
});
