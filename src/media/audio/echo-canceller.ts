// Takes the echo of the room's loudspeaker out of its microphone: libwebrtc's audio processing (docs/adr/0026-echo-cancellation.md).
// Loaded when the first call needs it and not before: it costs memory and threads. Blocks are AUDIO_BLOCK_SAMPLES samples of 48 kHz mono outside
// and 10 ms inside. The package is asked by protobuf messages; four of them are written here by hand, because its own classes would cost as much memory again.
import { asCloisterError, CloisterError } from '../../kernel/errors.ts';
import { AUDIO_SAMPLE_RATE } from '../source/source.ts';

export type EchoCanceller = {
  /** What is played, in the order and at the pace in which it is. */
  render(samples: Int16Array): void;
  /**
   * What the microphone heard.
   * @returns it without the echo, as long as what was given
   * @throws CloisterError CL_MEDIA_ECHO
   */
  capture(samples: Int16Array): Int16Array;
  /** About how long what is rendered takes until it is captured. A hint for the beginning: the delay is then estimated from the sound. */
  setDelay(delayMs: number): void;
  close(): void;
};

export type EchoCancellerOptions = { readonly noiseSuppression: boolean; readonly gainControl: boolean };

/** 10 ms, what libwebrtc works on (AudioProcessing::kChunkSizeMs). */
const CHUNK_SAMPLES = AUDIO_SAMPLE_RATE / 100;
/** Off: it would lift the noise of a room in each pause, and a room's microphones are set up for their room. */
const DEFAULTS: EchoCancellerOptions = { noiseSuppression: true, gainControl: false };

/** FfiRequest's numbers of these messages (ffi.proto of the package); a response's number is one less. */
const REQUESTS = { newApm: 50, capture: 51, render: 52, setDelay: 53 } as const;

function varint(value: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

/** Protobuf's wire format: each field is number and wire type (0 varint, 2 length-delimited), then the value. Fields are numbered from 1. */
function requestOf(message: keyof typeof REQUESTS, fields: readonly (number | bigint)[]): Uint8Array {
  const body = fields.flatMap((value, index) => [...varint((index + 1) << 3), ...varint(value)]);
  return Uint8Array.from([...varint((REQUESTS[message] << 3) | 2), ...varint(body.length), ...body]);
}

/** @throws CloisterError CL_MEDIA_ECHO where this machine has no libwebrtc that can be loaded */
export async function openEchoCanceller(options: EchoCancellerOptions = DEFAULTS): Promise<EchoCanceller> {
  try {
    const native = await import('@livekit/rtc-ffi-bindings/native.js');
    /** @returns what is in the response; it has the error's text, or nothing, but for a new one's handle */
    const ask = (request: Uint8Array): Uint8Array => native.livekitFfiRequest(request).subarray(3);
    const created = ask(requestOf('newApm', [1, Number(options.gainControl), 1, Number(options.noiseSuppression)]));
    const handle = handleIn(created);
    const owned = new native.FfiHandle(handle);
    const chunk = new Int16Array(CHUNK_SAMPLES);
    const format = [native.livekitRetrievePtr(new Uint8Array(chunk.buffer)), chunk.byteLength, AUDIO_SAMPLE_RATE, 1];
    const [renderRequest, captureRequest] = [requestOf('render', [handle, ...format]), requestOf('capture', [handle, ...format])];
    let open = true;

    const process = (request: Uint8Array, samples: Int16Array, result: Int16Array | null): void => {
      if (!open) throw new CloisterError('CL_MEDIA_ECHO', 'the echo canceller is closed');
      for (let at = 0; at + CHUNK_SAMPLES <= samples.length; at += CHUNK_SAMPLES) {
        chunk.set(samples.subarray(at, at + CHUNK_SAMPLES));
        if (ask(request).length > 0) throw new CloisterError('CL_MEDIA_ECHO', 'libwebrtc refused a block of sound');
        result?.set(chunk, at);
      }
    };

    return {
      render: (samples) => process(renderRequest, samples, null),
      capture(samples) {
        const cleaned = new Int16Array(samples.length);
        process(captureRequest, samples, cleaned);
        return cleaned;
      },
      setDelay(delayMs) {
        if (open) ask(requestOf('setDelay', [handle, Math.round(Math.max(0, delayMs))]));
      },
      close() {
        if (open) owned.dispose();
        open = false;
      }
    };
  } catch (cause) {
    throw asCloisterError(cause, 'CL_MEDIA_ECHO');
  }
}

/** NewApmResponse { apm: OwnedApm { handle: FfiOwnedHandle { id: varint } } }: three lengths, then the number. */
function handleIn(response: Uint8Array): bigint {
  const digits = response.subarray(response.indexOf(0x08) + 1);
  return digits.reduceRight((value, byte) => (value << 7n) | BigInt(byte & 127), 0n);
}
