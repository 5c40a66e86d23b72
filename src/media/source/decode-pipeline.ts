// Gives the decoded, filtered frames of a file or device one by one: FFmpeg's demuxer, decoder and filter graph in a row.
// Each native object is freed once, the demuxer last: a frame of an uncompressed V4L2 camera lies in the demuxer's memory, and touching it
// after the demuxer was closed ends the process (devices.md "Traps of node-av"). Frames given out are freed by the taker, before close().
import {
  AV_CODEC_ID_MJPEG,
  AV_CODEC_ID_RAWVIDEO,
  AV_NOPTS_VALUE,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  type AVSampleFormat,
  avChannelLayoutDescribe,
  avGetSampleFmtName,
  Codec,
  CodecContext,
  type Demuxer,
  FFmpegError,
  Filter,
  type FilterContext,
  FilterGraph,
  FilterInOut,
  Frame,
  Packet,
  type Stream
} from 'node-av';
import { asCloisterError, CloisterError } from '../../kernel/errors.ts';

export type PipelineOptions = {
  readonly kind: 'video' | 'audio';
  /** The filter graph's description; its output decides what next() gives. */
  readonly filter: string;
  /** Asked per packet of a codec whose frames need no other: true leaves it out undecoded. */
  readonly skip?: () => boolean;
};

export type Pipeline = {
  /** The next frame, to be freed by the taker; null at the end of the stream. @throws CloisterError CL_MEDIA_SOURCE */
  next(): Promise<Frame | null>;
  /** Waits for a running next(), which then ends early, and releases everything. */
  close(): Promise<void>;
};

/** True where something came, false for EAGAIN and the end of the stream. */
function available(code: number, operation: string): boolean {
  if (code === AVERROR_EAGAIN || code === AVERROR_EOF) return false;
  FFmpegError.throwIfError(code, operation);
  return true;
}

type Graph = { readonly key: string; readonly graph: FilterGraph; readonly input: FilterContext; readonly output: FilterContext };

function present<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new CloisterError('CL_MEDIA_SOURCE', `FFmpeg has no ${what}`);
  return value;
}

function formatKey(frame: Frame): string {
  return `${frame.format} ${frame.width}x${frame.height} ${frame.sampleRate} ${frame.isAudio() ? frame.channelLayout.nbChannels : 0}`;
}

/** A graph for frames like this one; a stream may change its format, which makes a new graph. */
async function buildGraph(frame: Frame, stream: Stream, options: PipelineOptions): Promise<Graph> {
  const isVideo = options.kind === 'video';
  const graph = new FilterGraph();
  graph.alloc();
  try {
    graph.nbThreads = 1;
    const input = present(graph.allocFilter(present(Filter.getByName(isVideo ? 'buffer' : 'abuffer'), 'buffer'), 'in'), 'buffer');
    if (isVideo) {
      const { width, height, sampleAspectRatio, colorRange, colorSpace } = frame;
      const format = frame.format;
      FFmpegError.throwIfError(
        input.buffersrcParametersSet({ width, height, format, timeBase: stream.timeBase, sampleAspectRatio, colorRange, colorSpace }),
        'buffer parameters'
      );
      FFmpegError.throwIfError(input.init(null), 'buffer');
    } else {
      const layout = frame.channelLayout;
      const channels = layout.order === 0 ? `channels=${layout.nbChannels}` : `channel_layout=${avChannelLayoutDescribe(layout)}`;
      const format = avGetSampleFmtName(frame.format as AVSampleFormat);
      FFmpegError.throwIfError(input.initStr(`time_base=1/${frame.sampleRate}:sample_rate=${frame.sampleRate}:sample_fmt=${format}:${channels}`), 'abuffer');
    }
    const output = present(graph.createFilter(present(Filter.getByName(isVideo ? 'buffersink' : 'abuffersink'), 'sink'), 'out'), 'sink');
    const outputs = present(FilterInOut.createList([{ name: 'in', filterCtx: input, padIdx: 0 }]), 'filter pad');
    const inputs = present(FilterInOut.createList([{ name: 'out', filterCtx: output, padIdx: 0 }]), 'filter pad');
    FFmpegError.throwIfError(graph.parsePtr(options.filter, inputs, outputs), 'filter graph');
    FFmpegError.throwIfError(await graph.config(), 'filter graph');
    return { key: formatKey(frame), graph, input, output };
  } catch (error) {
    graph.free();
    throw error;
  }
}

/** Takes the demuxer over: it is closed by close(), and also where opening fails. @throws CloisterError CL_MEDIA_SOURCE */
export async function openPipeline(demuxer: Demuxer, options: PipelineOptions): Promise<Pipeline> {
  const context = demuxer.getFormatContext();
  const decoder = new CodecContext();
  const packet = new Packet();
  const decoded = new Frame();
  let graph: Graph | null = null;
  let ended: 'no' | 'demuxer' | 'decoder' = 'no';
  let audioSamples = 0n;
  let closed = false;
  let reading: Promise<unknown> | null = null;

  async function release(): Promise<void> {
    graph?.graph.free();
    decoded.free();
    packet.free();
    decoder.freeContext();
    await demuxer.close();
  }

  let stream: Stream;
  let frameOnly = false;
  try {
    stream = present(options.kind === 'video' ? demuxer.video() : demuxer.audio(), `${options.kind} stream in it`);
    const parameters = stream.codecpar;
    frameOnly = parameters.codecId === AV_CODEC_ID_RAWVIDEO || parameters.codecId === AV_CODEC_ID_MJPEG;
    const codec = present(Codec.findDecoder(parameters.codecId), 'decoder for it');
    decoder.allocContext3(codec);
    FFmpegError.throwIfError(decoder.parametersToContext(parameters), 'decoder parameters');
    decoder.pktTimebase = stream.timeBase;
    decoder.threadCount = 1; // more would hold frames back
    FFmpegError.throwIfError(await decoder.open2(codec), 'decoder');
    packet.alloc();
    decoded.alloc();
  } catch (error) {
    await release();
    throw asCloisterError(error, 'CL_MEDIA_SOURCE');
  }

  /** Hands the decoder one packet, or the end. @returns false where the read was ended by close() */
  async function feedDecoder(): Promise<boolean> {
    for (;;) {
      const code = await context.readFrame(packet);
      if (closed) return false;
      if (code === AVERROR_EAGAIN) {
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      if (code === AVERROR_EOF) {
        ended = 'demuxer';
        await decoder.sendPacket(null);
        return true;
      }
      FFmpegError.throwIfError(code, 'reading');
      const wanted = packet.streamIndex === stream.index && !(frameOnly && options.skip?.());
      // A broken packet is left out; the next may be whole.
      if (wanted) await decoder.sendPacket(packet);
      packet.unref();
      if (wanted) return true;
    }
  }

  async function feedGraph(): Promise<void> {
    if (options.kind === 'audio') {
      decoded.pts = audioSamples;
      audioSamples += BigInt(decoded.nbSamples);
    } else if (decoded.pts === AV_NOPTS_VALUE) decoded.pts = decoded.bestEffortTimestamp;
    if (graph?.key !== formatKey(decoded)) {
      graph?.graph.free();
      graph = null;
      graph = await buildGraph(decoded, stream, options);
    }
    FFmpegError.throwIfError(graph.input.buffersrcAddFrameSync(decoded), 'filter');
    decoded.unref();
  }

  async function read(): Promise<Frame | null> {
    const output = new Frame();
    output.alloc();
    try {
      while (!closed) {
        if (graph !== null && available(await graph.output.buffersinkGetFrame(output), 'filter')) return output;
        if (closed || ended === 'decoder') break;
        if (available(await decoder.receiveFrame(decoded), 'decoding')) await feedGraph();
        else if (ended === 'demuxer') {
          ended = 'decoder';
          if (graph !== null) FFmpegError.throwIfError(graph.input.buffersrcAddFrameSync(null), 'filter');
        } else if (!(await feedDecoder())) break;
      }
    } catch (error) {
      output.free();
      throw asCloisterError(error, 'CL_MEDIA_SOURCE');
    }
    output.free();
    return null;
  }

  return {
    next() {
      const result = closed ? Promise.resolve(null) : read();
      reading = result;
      return result;
    },
    async close() {
      if (closed) return;
      closed = true;
      context.interrupt(); // a read that waits for a device ends
      await reading?.then(
        (frame) => frame,
        () => null
      );
      await release();
    }
  };
}
