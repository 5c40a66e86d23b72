// What runs in the page of a Chromium that calls another Chromium: the counterpart of a room. `installCaller` is sent to the page as text,
// so it holds everything it uses.

import type { TimeCodeRow } from './meter-page.ts';

export type PageCall = {
  /** Milliseconds since 1970, of this page's clock; null while it has not come to that. */
  readonly offeredAt: number | null;
  readonly firstFrameAt: number | null;
};

export type PageFlow = {
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  readonly sentFps: number;
  readonly receivedFps: number;
  readonly framesDecoded: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Sound that was made up because the real one was not there, milliseconds since the call began. */
  readonly audioGapsMs: number;
};

export type ChromiumCaller = {
  /** Begins to draw and to sound, as a camera that is on already; a call needs it. */
  openSource(): Promise<void>;
  place(): Promise<void>;
  call(): PageCall;
  flow(): Promise<PageFlow>;
  /** Also ends picture and sound. */
  hangUp(): Promise<void>;
};

declare global {
  interface Window {
    chromiumCaller: ChromiumCaller;
    timeCodeCells(ms: number): boolean[];
  }
}

type Signal = { readonly description?: RTCSessionDescriptionInit; readonly candidate?: RTCIceCandidateInit };

type Profile = {
  readonly relayUrl: string;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** Of the picture's own source; null for one without. */
  readonly timeCode: TimeCodeRow | null;
};

/** Resolves when the page is connected to the relay. */
export async function installCaller(profile: Profile): Promise<void> {
  const epochMs = (): number => performance.timeOrigin + performance.now();
  const relay = new WebSocket(profile.relayUrl);
  let peer: RTCPeerConnection | null = null;
  let source: MediaStream | null = null;
  let closeSource: () => Promise<void> = async () => {};
  let offeredAt: number | null = null;
  let firstFrameAt: number | null = null;
  const screen = document.createElement('video');
  Object.assign(screen, { autoplay: true, playsInline: true });
  screen.style.cssText = 'position:absolute;inset:0;width:100%;height:100%';
  document.body.append(screen);

  /** Like the rooms' test picture: a title and a name, a clock that changes ten times a second, a bar that moves with each frame. */
  function picture(): { readonly tracks: MediaStreamTrack[]; readonly stop: () => void } {
    const { width, height, fps, timeCode } = profile;
    const canvas = document.createElement('canvas');
    Object.assign(canvas, { width, height });
    const context = canvas.getContext('2d', { alpha: false });
    if (context === null) throw new Error('no canvas');
    const bar = { width: width / 10, y: height * 0.84, height: height * 0.06 };
    const write = (text: string, y: number): void => {
      context.fillStyle = '#e8e8e8';
      context.fillText(text, width / 2, y);
    };
    context.fillStyle = '#24405a';
    context.fillRect(0, 0, width, height);
    context.font = `bold ${Math.round(height / 9)}px sans-serif`;
    context.textAlign = 'center';
    write('TEST PICTURE', height * 0.25);
    write('Chromium', height * 0.47);
    const beganMs = performance.now();
    let shown = '';
    const timer = setInterval(() => {
      const phase = ((performance.now() - beganMs) % 4000) / 4000;
      context.fillStyle = '#0c2840';
      context.fillRect(0, bar.y, width, bar.height);
      context.fillStyle = '#e8e8e8';
      context.fillRect((phase < 0.5 ? phase * 2 : 2 - phase * 2) * (width - bar.width), bar.y, bar.width, bar.height);
      const clock = new Date().toISOString().slice(11, 21);
      if (clock !== shown) {
        shown = clock;
        context.fillStyle = '#24405a';
        context.fillRect(0, height * 0.56, width, height * 0.17);
        write(clock, height * 0.69);
      }
      if (timeCode === null) return;
      for (const [index, white] of window.timeCodeCells(Date.now()).entries()) {
        context.fillStyle = white ? '#fff' : '#000';
        context.fillRect((width * (index + 1)) / timeCode.columns, height * timeCode.top, width / timeCode.columns, height * timeCode.height);
      }
    }, 1000 / fps);
    return { tracks: canvas.captureStream().getVideoTracks(), stop: () => clearInterval(timer) };
  }

  async function tone(): Promise<{ readonly tracks: MediaStreamTrack[]; readonly stop: () => Promise<void> }> {
    const context = new AudioContext({ sampleRate: 48_000 });
    const oscillator = new OscillatorNode(context, { frequency: 440 });
    const quiet = new GainNode(context, { gain: 0.08 });
    const out = new MediaStreamAudioDestinationNode(context);
    oscillator.connect(quiet).connect(out);
    oscillator.start();
    await context.resume();
    return { tracks: out.stream.getAudioTracks(), stop: () => context.close() };
  }

  const tell = (signal: Signal): void => relay.send(JSON.stringify(signal));

  function open(): RTCPeerConnection {
    const opened = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    peer = opened;
    offeredAt = null;
    firstFrameAt = null;
    for (const track of source?.getTracks() ?? []) opened.addTrack(track, source ?? new MediaStream());
    opened.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate !== null) tell({ candidate: candidate.toJSON() });
    });
    opened.addEventListener('track', ({ track, streams }) => {
      if (track.kind !== 'video') return;
      screen.srcObject = streams[0] ?? null;
      screen.requestVideoFrameCallback(() => {
        firstFrameAt ??= epochMs();
      });
    });
    return opened;
  }

  async function take({ description, candidate }: Signal): Promise<void> {
    if (description?.type === 'offer') {
      const answering = open();
      await answering.setRemoteDescription(description);
      const answer = await answering.createAnswer();
      tell({ description: answer });
      await answering.setLocalDescription(answer);
    } else if (description !== undefined) await peer?.setRemoteDescription(description);
    else if (candidate !== undefined) await peer?.addIceCandidate(candidate);
  }

  window.chromiumCaller = {
    async openSource() {
      const [seen, heard] = [picture(), await tone()];
      source = new MediaStream([...seen.tracks, ...heard.tracks]);
      closeSource = async () => {
        seen.stop();
        await heard.stop();
      };
    },
    async place() {
      const calling = open();
      offeredAt = epochMs();
      const offer = await calling.createOffer();
      tell({ description: offer });
      await calling.setLocalDescription(offer);
    },
    call: () => ({ offeredAt, firstFrameAt }),
    async flow() {
      const all = [...((await peer?.getStats()) ?? new Map<string, Record<string, unknown>>()).values()] as Record<string, unknown>[];
      const of = (kind: string, type: string): Record<string, unknown> => all.find((entry) => entry['type'] === type && entry['kind'] === kind) ?? {};
      const [sent, received, heard] = [of('video', 'outbound-rtp'), of('video', 'inbound-rtp'), of('audio', 'inbound-rtp')];
      const codec = all.find(({ id }) => id === sent['codecId']);
      return {
        codec: String(codec?.['mimeType'] ?? ''),
        width: Number(received['frameWidth'] ?? 0),
        height: Number(received['frameHeight'] ?? 0),
        sentFps: Number(sent['framesPerSecond'] ?? 0),
        receivedFps: Number(received['framesPerSecond'] ?? 0),
        framesDecoded: Number(received['framesDecoded'] ?? 0),
        bytesSent: Number(sent['bytesSent'] ?? 0),
        bytesReceived: Number(received['bytesReceived'] ?? 0),
        audioGapsMs: Number(heard['concealedSamples'] ?? 0) / 48
      };
    },
    async hangUp() {
      peer?.close();
      peer = null;
      screen.srcObject = null;
      await closeSource();
    }
  };
  let last: Promise<void> = Promise.resolve();
  relay.addEventListener('message', ({ data }) => {
    last = last.then(() => take(JSON.parse(String(data)) as Signal)).catch((error) => console.error(String(error)));
  });
  await new Promise((resolve) => relay.addEventListener('open', resolve, { once: true }));
}

/** Two peers of one page, with candidates handed over as they come: milliseconds from before both are made to both connected. Sent to the page as text, too. */
export async function connectWithinPage(): Promise<number> {
  const startMs = performance.now();
  const [offerer, answerer] = [new RTCPeerConnection({ bundlePolicy: 'max-bundle' }), new RTCPeerConnection({ bundlePolicy: 'max-bundle' })];
  const connected = (peer: RTCPeerConnection): Promise<void> =>
    new Promise((resolve, reject) => {
      peer.addEventListener('connectionstatechange', () => {
        if (peer.connectionState === 'connected') resolve();
        if (peer.connectionState === 'failed') reject(new Error('Chromium did not connect'));
      });
    });
  const both = Promise.all([connected(offerer), connected(answerer)]);
  // A candidate waits until the other side has a description to add it to.
  const offered = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  offerer.addEventListener('icecandidate', ({ candidate }) => void offered.promise.then(() => answerer.addIceCandidate(candidate ?? undefined)));
  answerer.addEventListener('icecandidate', ({ candidate }) => void answered.promise.then(() => offerer.addIceCandidate(candidate ?? undefined)));
  offerer.addTransceiver('audio');
  offerer.addTransceiver('video');
  const offer = await offerer.createOffer();
  const offering = offerer.setLocalDescription(offer);
  await answerer.setRemoteDescription(offer);
  offered.resolve();
  const answer = await answerer.createAnswer();
  const answering = answerer.setLocalDescription(answer);
  await offerer.setRemoteDescription(answer);
  answered.resolve();
  await Promise.all([offering, answering, both]);
  const tookMs = performance.now() - startMs;
  offerer.close();
  answerer.close();
  return tookMs;
}
