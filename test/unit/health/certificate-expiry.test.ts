// From when on a certificate's end is told, and how.
import assert from 'node:assert/strict';
import { expiryProblem } from '../../../src/health/certificate-expiry.ts';

const END = Date.UTC(2026, 5, 30, 12);
const DAY_MS = 86_400_000;

describe('a certificate’s end', () => {
  it('is a warning from thirty days on, an error from three', () => {
    const at = (days: number) => expiryProblem(END, END - days * DAY_MS);
    assert.equal(at(31), null);
    assert.equal(expiryProblem(END, END - 30 * DAY_MS - 1), null);
    assert.deepEqual([at(30)?.severity, at(30)?.sinceMs], ['warning', END - 30 * DAY_MS]);
    assert.equal(at(3.01)?.severity, 'warning');
    assert.deepEqual([at(3)?.severity, at(3)?.sinceMs], ['error', END - 3 * DAY_MS]);
    assert.deepEqual([at(0)?.severity, at(0)?.sinceMs], ['error', END]);
    assert.match(at(-400)?.text ?? '', /has expired on 2026-06-30/);
  });

  it('is said in the same words each day, so that it stays silenced', () => {
    assert.equal(expiryProblem(END, END - 29 * DAY_MS)?.text, expiryProblem(END, END - 4 * DAY_MS)?.text);
  });
});
