import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  CONTROL_RESET,
  createMessageCutter,
  frameDatagram,
  readDatagram,
  readFocusMode,
  readPanTilt,
  readPosition,
  readReply,
  readVersion,
  viscaCommands,
  viscaInquiries
} from '../../../../src/devices/cameras/visca.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** As in the public command list. */
const COMMANDS: readonly (readonly [name: string, message: Uint8Array, bytes: string])[] = [
  ['Pan-tiltDrive Up', viscaCommands.panTiltDrive(0, 1), '81 01 06 01 01 14 03 01 ff'],
  ['Pan-tiltDrive Down', viscaCommands.panTiltDrive(0, -0.5), '81 01 06 01 01 0a 03 02 ff'],
  ['Pan-tiltDrive Left', viscaCommands.panTiltDrive(-1, 0), '81 01 06 01 18 01 01 03 ff'],
  ['Pan-tiltDrive DownRight', viscaCommands.panTiltDrive(0.01, -0.01), '81 01 06 01 01 01 02 02 ff'],
  ['Pan-tiltDrive Stop', viscaCommands.panTiltDrive(0, 0), '81 01 06 01 01 01 03 03 ff'],
  ['AbsolutePosition', viscaCommands.panTiltAbsolute({ pan: -1, tilt: 0x1a2, digits: 4 }), '81 01 06 02 18 14 0f 0f 0f 0f 00 01 0a 02 ff'],
  ['AbsolutePosition, five digits', viscaCommands.panTiltAbsolute({ pan: 0x12345, tilt: -2, digits: 5 }), '81 01 06 02 18 00 01 02 03 04 05 0f 0f 0f 0e ff'],
  ['Home', viscaCommands.home(), '81 01 06 04 ff'],
  ['CAM_Zoom Tele (Variable)', viscaCommands.zoom(1), '81 01 04 07 27 ff'],
  ['CAM_Zoom Wide (Variable)', viscaCommands.zoom(-0.1), '81 01 04 07 30 ff'],
  ['CAM_Zoom Stop', viscaCommands.zoom(0), '81 01 04 07 00 ff'],
  ['CAM_Zoom Direct', viscaCommands.zoomDirect(0x4000), '81 01 04 47 04 00 00 00 ff'],
  ['CAM_Focus Far (Variable)', viscaCommands.focus(0.5), '81 01 04 08 23 ff'],
  ['CAM_Focus Near (Variable)', viscaCommands.focus(-1), '81 01 04 08 37 ff'],
  ['CAM_Focus Direct', viscaCommands.focusDirect(0x1000), '81 01 04 48 01 00 00 00 ff'],
  ['CAM_Focus Auto Focus', viscaCommands.focusMode(true), '81 01 04 38 02 ff'],
  ['CAM_Focus Manual Focus', viscaCommands.focusMode(false), '81 01 04 38 03 ff'],
  ['CAM_AE Full Auto', viscaCommands.exposureAuto(), '81 01 04 39 00 ff'],
  ['CAM_ExpComp On', viscaCommands.compensation(true), '81 01 04 3e 02 ff'],
  ['CAM_ExpComp Direct', viscaCommands.compensationDirect(7), '81 01 04 4e 00 00 00 0e ff'],
  ['CAM_WB Auto', viscaCommands.whiteBalanceAuto(), '81 01 04 35 00 ff'],
  ['CAM_BackLight Off', viscaCommands.backlight(false), '81 01 04 33 03 ff'],
  ['Command Cancel', viscaCommands.cancel(2), '81 22 ff'],
  ['Pan-tiltPosInq', viscaInquiries.panTilt, '81 09 06 12 ff'],
  ['CAM_ZoomPosInq', viscaInquiries.zoom, '81 09 04 47 ff'],
  ['CAM_VersionInq', viscaInquiries.version, '81 09 00 02 ff'],
  ['a command over IP', frameDatagram('command', 0x01020304, viscaCommands.home()), '01 00 00 05 01 02 03 04 81 01 06 04 ff'],
  ['an inquiry over IP', frameDatagram('inquiry', 0xffffffff, viscaInquiries.zoom), '01 10 00 05 ff ff ff ff 81 09 04 47 ff'],
  ['RESET', frameDatagram('control', 1, CONTROL_RESET), '02 00 00 01 00 00 00 01 01']
];

const REPLIES: readonly (readonly [bytes: string, reply: unknown])[] = [
  ['90 41 ff', { kind: 'ack', socket: 1 }],
  ['90 52 ff', { kind: 'completion', socket: 2, data: new Uint8Array() }],
  ['90 50 02 ff', { kind: 'completion', socket: 0, data: Uint8Array.of(2) }],
  ['90 60 01 ff', { kind: 'error', socket: 0, fault: 'message-length' }],
  ['90 60 02 ff', { kind: 'error', socket: 0, fault: 'syntax' }],
  ['90 60 03 ff', { kind: 'error', socket: 0, fault: 'buffer-full' }],
  ['90 61 04 ff', { kind: 'error', socket: 1, fault: 'cancelled' }],
  ['90 62 05 ff', { kind: 'error', socket: 2, fault: 'no-socket' }],
  ['90 61 41 ff', { kind: 'error', socket: 1, fault: 'not-executable' }],
  ['90 61 99 ff', { kind: 'error', socket: 1, fault: 'unknown' }],
  ['90 38 ff', null], // Network Change
  ['81 41 ff', null],
  ['90 41', null],
  ['90 ff', null],
  ['90 41 00 ff', null],
  ['90 61 ff', null],
  ['90 50 ff 02 ff', null],
  [`90 50 ${'00'.repeat(14)} ff`, null],
  ['', null]
];

describe('VISCA', () => {
  for (const [name, message, expected] of COMMANDS) it(`writes ${name}`, () => assert.equal(hex(message), expected.replaceAll(' ', '')));

  it('reads what a camera answers, and nothing else', () => {
    for (const [text, expected] of REPLIES) assert.deepEqual(readReply(bytes(text)), expected, text);
  });

  it('reads datagrams whose length is what they say', () => {
    assert.deepEqual(readDatagram(bytes('01 11 00 03 00 00 00 07 90 41 ff')), { sequence: 7, reply: { kind: 'ack', socket: 1 } });
    assert.deepEqual(readDatagram(bytes('02 01 00 01 ff ff ff ff 01')), { sequence: 0xffffffff, reply: { kind: 'reset' } });
    assert.deepEqual(readDatagram(bytes('02 01 00 02 00 00 00 07 0f 01')), { sequence: 7, reply: { kind: 'out-of-step' } });
    assert.deepEqual(readDatagram(bytes('02 01 00 02 00 00 00 07 0f 02')), { sequence: 7, reply: { kind: 'abnormal' } });
    for (const text of [
      '01 11 00 04 00 00 00 07 90 41 ff',
      '01 11 00 02 00 00 00 07 90 41 ff',
      '01 00 00 03 00 00 00 07 90 41 ff',
      '01 11 00 00 00 00 00 07',
      '01 11'
    ])
      assert.equal(readDatagram(bytes(text)), null, text);
  });

  it('reads positions, in four digits or five', () => {
    assert.deepEqual(readPanTilt(bytes('0f 0f 0f 0e 00 01 02 03')), { pan: -2, tilt: 0x123, digits: 4 });
    assert.deepEqual(readPanTilt(bytes('0e 01 0d 0e 05 0f 0c 05 08')), { pan: 0xe1de5 - 0x100000, tilt: 0xfc58 - 0x10000, digits: 5 });
    assert.deepEqual([readPosition(bytes('04 00 00 00')), readFocusMode(bytes('02')), readFocusMode(bytes('03'))], [0x4000, 'auto', 'manual']);
    assert.deepEqual(readVersion(bytes('00 20 04 5c 01 00 02')), { vendor: 0x20, model: 0x45c });
    assert.deepEqual(
      [readPanTilt(bytes('1f 0f 0f 0e 00 01 02 03')), readPosition(bytes('04 00 00')), readFocusMode(bytes('04')), readVersion(bytes('00'))],
      [null, null, null, null]
    );
  });

  it('reads positions as they were written', () => {
    const place = fc.record({
      pan: fc.integer({ min: -0x8000, max: 0x7fff }),
      tilt: fc.integer({ min: -0x8000, max: 0x7fff }),
      digits: fc.constantFrom(4 as const, 5 as const)
    });
    fc.assert(fc.property(place, (at) => assert.deepEqual(readPanTilt(viscaCommands.panTiltAbsolute(at).subarray(6, -1)), { ...at })));
  });

  it('cuts a stream into its messages, however it is torn, and goes on after what is none', () => {
    const messages = ['90 41 ff', '90 51 ff', '90 50 00 00 00 00 ff', '90 60 02 ff'].map(bytes);
    const noise = Uint8Array.from([...new Array<number>(40).fill(0x90), 0xff]);
    const part = fc.constantFrom<readonly [Uint8Array, boolean]>(...messages.map((message) => [message, true] as const), [noise, false]);
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (parts, sizes) => {
        const stream = Buffer.concat(parts.map(([piece]) => piece));
        const cut: string[] = [];
        const take = createMessageCutter((message) => cut.push(hex(message)));
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          take(stream.subarray(at, at + size));
          at += size;
        }
        assert.deepEqual(
          cut,
          parts.flatMap(([piece, whole]) => (whole ? [hex(piece)] : []))
        );
      })
    );
  });

  it('reads whatever it is given', () => {
    const known = fc.constantFrom(...REPLIES.map(([text]) => bytes(text)), ...COMMANDS.map(([, message]) => message));
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.tuple(known, fc.nat(30), fc.nat(255)).map(([message, at, value]) => message.map((byte, index) => (index === at ? value : byte)))
    );
    fc.assert(
      fc.property(hostile, (message) => {
        const read = [readReply(message), readDatagram(message)?.reply ?? null, readDatagram(frameDatagram('command', 1, message))];
        for (const reply of read) if (reply !== null && 'data' in reply) assert.ok(reply.data.length <= 13);
        readPanTilt(message);
        readPosition(message);
        readFocusMode(message);
        readVersion(message);
        createMessageCutter((whole) => assert.ok(whole.length <= 16))(message);
      })
    );
  });
});
