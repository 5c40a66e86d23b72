// libdatachannel (node-datachannel) as the other side of a call: sound and picture over DTLS-SRTP, no data channel. It packs nothing: RTP packets go in
// and come out as they are. Candidates are on the loopback interface and in the descriptions.
import { Audio, cleanup, PeerConnection, type Track, Video } from 'node-datachannel';

/** As descriptions of ours have them. */
const PAYLOAD_TYPES = { audio: 111, video: 96 } as const;
const RTP_HEADER_BYTES = 12;

type Kind = keyof typeof PAYLOAD_TYPES;

export type DatachannelPeer = Disposable & {
  offer(): Promise<string>;
  answer(offer: string): Promise<string>;
  accept(answer: string): void;
  state(): string;
  /** SHA-256 of the certificate that the other side proved, as it sees it; upper case digits with colons. */
  remoteFingerprint(): string;
  /** Sends one RTP packet. */
  send(kind: Kind, payload: Uint8Array): void;
  /** The payloads of RTP packets that came. */
  readonly received: Readonly<Record<Kind, readonly Buffer[]>>;
};

export function createDatachannelPeer(): DatachannelPeer {
  const peer = new PeerConnection('peer', { iceServers: [], bindAddress: '127.0.0.1', disableAutoNegotiation: true });
  const tracks: Partial<Record<Kind, Track>> = {};
  const received: Record<Kind, Buffer[]> = { audio: [], video: [] };
  const sequenceNumbers: Record<Kind, number> = { audio: 0, video: 0 };
  const take = (kind: Kind, track: Track): void => {
    tracks[kind] = track;
    track.onMessage((packet) => {
      if ((packet.readUInt8(1) & 0x7f) === PAYLOAD_TYPES[kind]) received[kind].push(packet.subarray(RTP_HEADER_BYTES));
    });
  };
  const described = (type: 'offer' | 'answer'): Promise<string> =>
    new Promise((resolve) => {
      const done = (): void => {
        const { sdp = '' } = peer.localDescription() ?? {};
        if (peer.gatheringState() === 'complete') resolve(sdp);
      };
      peer.onGatheringStateChange(done);
      peer.setLocalDescription(type);
      done();
    });
  const addTracks = (): void => {
    const audio = new Audio('0', 'SendRecv');
    audio.addOpusCodec(PAYLOAD_TYPES.audio);
    audio.addSSRC(1, 'peer');
    const video = new Video('1', 'SendRecv');
    video.addVP8Codec(PAYLOAD_TYPES.video);
    video.addSSRC(2, 'peer');
    take('audio', peer.addTrack(audio));
    take('video', peer.addTrack(video));
  };
  return {
    received,
    state: () => peer.state(),
    remoteFingerprint: () => peer.remoteFingerprint().value,
    offer() {
      addTracks();
      return described('offer');
    },
    answer(offer) {
      addTracks();
      peer.setRemoteDescription(offer, 'offer');
      return described('answer');
    },
    accept: (answer) => peer.setRemoteDescription(answer, 'answer'),
    send(kind, payload) {
      sequenceNumbers[kind] += 1;
      const header = Buffer.alloc(RTP_HEADER_BYTES);
      header.writeUInt8(0x80, 0);
      header.writeUInt8(0x80 | PAYLOAD_TYPES[kind], 1);
      header.writeUInt16BE(sequenceNumbers[kind], 2);
      header.writeUInt32BE(sequenceNumbers[kind] * 960, 4);
      header.writeUInt32BE(kind === 'audio' ? 1 : 2, 8);
      if (tracks[kind]?.isOpen()) tracks[kind].sendMessageBinary(Buffer.concat([header, payload]));
    },
    [Symbol.dispose]() {
      peer.close();
    }
  };
}

/** Ends the library's threads; once, after the last peer. */
export const endDatachannel = (): void => cleanup();
