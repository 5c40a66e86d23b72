import assert from 'node:assert/strict';
import { type ErrorCode, errorCodes } from '../../../src/kernel/error-codes.ts';
import { asCloisterError, CloisterError, hasSystemCode } from '../../../src/kernel/errors.ts';

describe('kernel: errors', () => {
  it('takes category, retryable and text from the registry', () => {
    const error = new CloisterError('CL_CALL_TIMEOUT');
    assert.ok(error instanceof Error);
    assert.deepEqual(
      [error.name, error.code, error.category, error.retryable, error.message],
      ['CloisterError', 'CL_CALL_TIMEOUT', 'call', true, errorCodes.CL_CALL_TIMEOUT.text]
    );
    assert.deepEqual(error.details, {});
    assert.equal('cause' in error, false);
  });

  it('keeps message, cause and details where given', () => {
    const cause = new Error('ECONNREFUSED');
    const error = new CloisterError('CL_BROKER_UNREACHABLE', 'no answer', { cause, details: { port: 8883 } });
    assert.equal(error.message, 'no answer');
    assert.equal(error.cause, cause);
    assert.deepEqual(error.details, { port: 8883 });
  });

  it('wraps what is foreign once, and leaves its own alone', () => {
    const own = new CloisterError('CL_CALL_BUSY');
    assert.equal(asCloisterError(own, 'CL_INTERNAL'), own);
    const foreign = new TypeError('x is not a function');
    const wrapped = asCloisterError(foreign, 'CL_MEDIA_SOURCE');
    assert.deepEqual([wrapped.code, wrapped.message, wrapped.cause], ['CL_MEDIA_SOURCE', 'x is not a function', foreign]);
    assert.equal(asCloisterError('text').code, 'CL_INTERNAL');
    assert.equal(asCloisterError(undefined).message, 'undefined');
  });

  it('knows what the system said, and that nothing else said it', () => {
    const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
    assert.deepEqual(
      [hasSystemCode(denied, 'EACCES'), hasSystemCode(denied, 'EPERM', 'EACCES'), hasSystemCode(denied, 'ENOENT'), hasSystemCode(denied)],
      [true, true, false, false]
    );
    for (const other of [new Error('EACCES'), { code: 'EACCES' }, 'EACCES', null, undefined, Object.assign(new Error('x'), { code: ['EACCES'] })])
      assert.equal(hasSystemCode(other, 'EACCES'), false);
  });

  it('has a registry of well-formed codes, each with a sentence of its own', () => {
    const codes = Object.keys(errorCodes) as ErrorCode[];
    for (const code of codes) {
      assert.match(code, /^CL(_[A-Z0-9]+)+$/);
      assert.match(errorCodes[code].text, /^[A-Z].{8,}\.$/, code);
    }
    const texts = codes.map((code) => errorCodes[code].text);
    assert.deepEqual([...new Set(texts)], texts);
  });
});
