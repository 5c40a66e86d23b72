// Writes the session description of this side (RFC 8866, RFC 8829). Pure.
import type { MediaKind, PictureKind } from '../streams.ts';
import { type CodecOffer, type Description, type MediaSection, payloadTypesOf, type SectionFeatures, TRANSPORT_SEQUENCE } from './sdp.ts';

export type LocalDescription = Omit<Description, 'candidates'> & {
  /** Constant over the descriptions of one connection; decimal digits. */
  readonly sessionId: string;
  readonly version: number;
  readonly candidates: readonly string[];
  readonly cname: string;
  readonly ssrc: Readonly<Record<MediaKind, number>>;
  /** Of the repairs. */
  readonly repairSsrc: Readonly<Record<PictureKind, number>>;
};

const FORMAT_PARAMETERS: Readonly<Record<CodecOffer['codec'], string>> = {
  opus: 'minptime=10;useinbandfec=1',
  H264: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
  VP8: '',
  VP9: 'profile-id=0'
};
const RTP_MAPS: Readonly<Record<CodecOffer['codec'], string>> = { opus: 'opus/48000/2', H264: 'H264/90000', VP8: 'VP8/90000', VP9: 'VP9/90000' };

export function writeDescription(description: LocalDescription): string {
  const hex = Buffer.from(description.fingerprint).toString('hex').toUpperCase();
  const live = description.sections.filter((section) => section.accepted);
  const lines = [
    'v=0',
    `o=- ${description.sessionId} ${description.version} IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    `a=group:BUNDLE ${live.map((section) => section.mid).join(' ')}`,
    'a=msid-semantic: WMS *',
    'a=ice-options:trickle',
    `a=fingerprint:sha-256 ${(hex.match(/../g) ?? []).join(':')}`,
    `a=setup:${description.setup}`,
    ...description.sections.flatMap((section) => sectionLines(description, section, section === live[0]))
  ];
  return `${lines.join('\r\n')}\r\n`;
}

function sectionLines(description: LocalDescription, section: MediaSection, carriesCandidates: boolean): string[] {
  const formats = payloadTypesOf(section);
  // A rejected section keeps one format, since the line may not be without (RFC 8866 section 9).
  const line = `m=${section.kind === 'audio' ? 'audio' : 'video'} ${section.accepted ? 9 : 0} UDP/TLS/RTP/SAVPF ${formats.length > 0 ? formats.join(' ') : 0}`;
  if (!section.accepted) return [line, 'c=IN IP4 0.0.0.0', `a=mid:${section.mid}`, 'a=inactive'];
  const sends = section.direction === 'sendrecv' || section.direction === 'sendonly';
  return [
    line,
    'c=IN IP4 0.0.0.0',
    'a=rtcp:9 IN IP4 0.0.0.0',
    `a=mid:${section.mid}`,
    `a=${section.direction}`,
    ...(section.kind === 'screen' ? ['a=content:slides'] : []),
    'a=rtcp-mux',
    `a=ice-ufrag:${description.iceUfrag}`,
    `a=ice-pwd:${description.icePassword}`,
    ...(section.features.transportSequence === null ? [] : [`a=extmap:${section.features.transportSequence} ${TRANSPORT_SEQUENCE}`]),
    ...section.codecs.flatMap(({ codec, payloadType }) => codecLines(codec, payloadType, section.features)),
    ...(sends ? sourceLines(description, section) : []),
    ...(carriesCandidates ? description.candidates.map((candidate) => `a=${candidate}`) : []),
    ...(carriesCandidates && description.endOfCandidates ? ['a=end-of-candidates'] : [])
  ];
}

/** Which sources a section has; repairs are a source of their own (RFC 4588 section 8.3, RFC 5576 section 4.2). */
function sourceLines({ cname, ssrc, repairSsrc }: LocalDescription, { kind, features }: MediaSection): string[] {
  const repair = kind === 'audio' || features.repairs.size === 0 ? null : repairSsrc[kind];
  return [
    `a=msid:${cname} ${kind}`,
    ...(repair === null ? [] : [`a=ssrc-group:FID ${ssrc[kind]} ${repair}`]),
    ...[ssrc[kind], repair].flatMap((source) => (source === null ? [] : [`a=ssrc:${source} cname:${cname}`]))
  ];
}

function codecLines(codec: CodecOffer['codec'], payloadType: number, { repairs, redundancy, feedback, keys }: SectionFeatures): string[] {
  const parameters = FORMAT_PARAMETERS[codec];
  const repair = repairs.get(payloadType);
  const keyframes = codec === 'opus' ? [] : ['nack pli', 'ccm fir'];
  return [
    `a=rtpmap:${payloadType} ${RTP_MAPS[codec]}`,
    ...(parameters === '' ? [] : [`a=fmtp:${payloadType} ${parameters}`]),
    ...[...feedback, ...keyframes].map((each) => `a=rtcp-fb:${payloadType} ${each}`),
    ...(repair === undefined ? [] : [`a=rtpmap:${repair} rtx/90000`, `a=fmtp:${repair} apt=${payloadType}`]),
    ...(codec !== 'opus' || redundancy === null ? [] : [`a=rtpmap:${redundancy} red/48000/2`, `a=fmtp:${redundancy} ${payloadType}/${payloadType}`]),
    ...(codec !== 'opus' ? [] : keys.flatMap((each) => [`a=rtpmap:${each.payloadType} telephone-event/${each.rate}`, `a=fmtp:${each.payloadType} 0-15`]))
  ];
}
