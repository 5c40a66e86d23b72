import assert from 'node:assert/strict';
import { createLossMeter } from '../../../../src/media/peer/loss-meter.ts';

describe('loss meter', () => {
  it('knows with its first measurement what is lost, and not before', () => {
    const meter = createLossMeter();
    meter.arrivals(40, 12);
    assert.equal(meter.current(), 0);
    meter.arrivals(20, 6);
    assert.equal(meter.current(), 0.3);
  });

  it('is not taken in by one burst once it knows', () => {
    const meter = createLossMeter();
    for (let count = 0; count < 10; count++) meter.arrivals(50, 0);
    meter.arrivals(50, 10);
    assert.ok(meter.current() < 0.07, `${meter.current()}`);
    for (let count = 0; count < 10; count++) meter.fraction(0.2);
    assert.ok(meter.current() > 0.19, `${meter.current()}`);
  });
});
