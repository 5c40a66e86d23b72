// What Cloister offers, how it answers, and what both descriptions together settle (RFC 8829, RFC 3264). Pure.
import { CloisterError } from '../../kernel/errors.ts';
import { err, ok, type Result } from '../../kernel/result.ts';
import { MEDIA_KINDS, type MediaKind, type NegotiatedMedia, ofEachKind, PICTURE_KINDS, type PictureKind, type VideoCodec } from '../streams.ts';
import { type CodecOffer, type Description, FEEDBACK, type Feedback, type KeyFormat, type MediaSection, type SectionFeatures } from './sdp.ts';

/** A payload type of its own for each kind: it tells which one a packet belongs to. */
const PAYLOAD_TYPES: Readonly<Record<PictureKind, Readonly<Record<VideoCodec, number>>>> = {
  video: { H264: 102, VP8: 96, VP9: 98 },
  screen: { H264: 104, VP8: 106, VP9: 108 }
};

/** Small text costs H.264's baseline twice the bits that it costs VP8 (docs/adr/0020-shared-screen.md). */
const preferenceFor = (kind: MediaKind, videoCodecs: readonly VideoCodec[]): readonly VideoCodec[] =>
  kind === 'screen' ? videoCodecs.toSorted((a, b) => Number(b === 'VP8') - Number(a === 'VP8')) : videoCodecs;

const REDUNDANT_SOUND = 63;
/** Pressed keys: with the sound's clock, and for peers that know the telephone network's alone. */
const KEYS: readonly KeyFormat[] = [
  { rate: 48_000, payloadType: 110 },
  { rate: 8_000, payloadType: 126 }
];
const TRANSPORT_SEQUENCE_ID = 3;

/** What Cloister offers; the first of the video codecs is preferred. */
export function offeredSections(videoCodecs: readonly VideoCodec[]): MediaSection[] {
  const common = { direction: 'sendrecv', accepted: true } as const;
  const features: SectionFeatures = { repairs: new Map(), redundancy: null, transportSequence: TRANSPORT_SEQUENCE_ID, feedback: FEEDBACK, keys: [] };
  const picture = (kind: PictureKind) => {
    const codecs = preferenceFor(kind, videoCodecs).map((codec) => ({ codec, payloadType: PAYLOAD_TYPES[kind][codec] }));
    // The number after a codec's own is that of its repairs.
    const repairs = new Map(codecs.map(({ payloadType }) => [payloadType, payloadType + 1]));
    return { ...common, kind, codecs, features: { ...features, repairs } };
  };
  return [
    { ...common, kind: 'audio', mid: '0', codecs: [{ codec: 'opus', payloadType: 111 }], features: { ...features, redundancy: REDUNDANT_SOUND, keys: KEYS } },
    { ...picture('video'), mid: '1' },
    { ...picture('screen'), mid: '2' }
  ];
}

const ANSWERED_DIRECTION = { sendrecv: 'sendrecv', sendonly: 'recvonly', recvonly: 'sendonly', inactive: 'inactive' } as const;

/**
 * The sections that answer an offer: of each the one codec that comes first in our preference; without one, the section is rejected.
 * @returns CL_MEDIA_NEGOTIATION where nothing would be left
 */
export function answeredSections(offer: Description, videoCodecs: readonly VideoCodec[]): Result<MediaSection[], CloisterError> {
  const sections = offer.sections.map((section): MediaSection => {
    const preference: readonly CodecOffer['codec'][] = ['opus', ...preferenceFor(section.kind, videoCodecs)];
    const rank = (codec: CodecOffer) => preference.indexOf(codec.codec);
    const [chosen] = section.codecs.filter((codec) => rank(codec) >= 0).sort((a, b) => rank(a) - rank(b));
    const accepted = section.accepted && chosen !== undefined;
    const codecs = chosen === undefined ? [] : [chosen];
    const features = featuresFor(codecs, section.features);
    return { ...section, direction: ANSWERED_DIRECTION[section.direction], accepted, codecs, features: { ...features, keys: features.keys.slice(0, 1) } };
  });
  if (!sections.some((section) => section.accepted)) return err(new CloisterError('CL_MEDIA_NEGOTIATION', 'the two sides have no codec in common'));
  return ok(sections);
}

const featuresFor = (codecs: readonly CodecOffer[], features: SectionFeatures): SectionFeatures => ({
  ...features,
  repairs: new Map([...features.repairs].filter(([repaired]) => codecs.some((codec) => codec.payloadType === repaired)))
});

/** What both sides have, under the numbers that we offered. */
const commonFeatures = (ours: SectionFeatures, theirs: SectionFeatures): SectionFeatures => ({
  repairs: new Map([...theirs.repairs].filter(([repaired, repair]) => ours.repairs.get(repaired) === repair)),
  redundancy: ours.redundancy === theirs.redundancy ? ours.redundancy : null,
  transportSequence: ours.transportSequence === theirs.transportSequence ? ours.transportSequence : null,
  feedback: ours.feedback.filter((each) => theirs.feedback.includes(each)),
  keys: theirs.keys.filter(({ rate, payloadType }) => ours.keys.some((each) => each.rate === rate && each.payloadType === payloadType))
});

/**
 * What an answer to our offer settles: the codecs of the answer under the payload types that we offered, and what both sides can beside.
 * @returns CL_MEDIA_NEGOTIATION where the answer does not belong to the offer
 */
export function settle(offered: readonly MediaSection[], answer: Description): Result<MediaSection[], CloisterError> {
  const belongs =
    answer.sections.length === offered.length && answer.sections.every(({ kind, mid }, i) => offered[i]?.kind === kind && offered[i]?.mid === mid);
  if (!belongs) return err(new CloisterError('CL_MEDIA_NEGOTIATION', 'the answer does not belong to the offer'));
  const agreed = answer.sections.map((section, index): MediaSection => {
    const ours = offered[index];
    const codecs = section.codecs.filter((codec) => ours?.codecs.some((each) => each.codec === codec.codec && each.payloadType === codec.payloadType));
    const features = ours === undefined ? section.features : featuresFor(codecs, commonFeatures(ours.features, section.features));
    return { ...section, accepted: section.accepted && codecs.length > 0, codecs, features };
  });
  if (!agreed.some((section) => section.accepted)) return err(new CloisterError('CL_MEDIA_NEGOTIATION', 'the two sides have no codec in common'));
  return ok(agreed);
}

/**
 * What this side may send (RFC 3264 section 6.1).
 * @param sections as the other side describes them
 */
export function sendableKinds(sections: readonly MediaSection[]): ReadonlySet<MediaKind> {
  return new Set(sections.filter(({ direction }) => direction === 'sendrecv' || direction === 'recvonly').map((section) => section.kind));
}

/** Of each kind the first codec of the accepted section. */
export function negotiatedOf(sections: readonly MediaSection[]): NegotiatedMedia {
  const first = (kind: MediaKind) => sections.find((section) => section.kind === kind && section.accepted)?.codecs[0];
  const picture = (kind: PictureKind) => {
    const offer = first(kind);
    return offer === undefined || offer.codec === 'opus' ? null : { codec: offer.codec, payloadType: offer.payloadType };
  };
  const audio = first('audio');
  const [keys] = sections.find((section) => section.kind === 'audio' && section.accepted)?.features.keys ?? [];
  return {
    video: picture('video'),
    screen: picture('screen'),
    audio: audio === undefined ? null : { codec: 'opus', payloadType: audio.payloadType },
    keys: audio === undefined || keys === undefined ? null : { rate: keys.rate }
  };
}

/** What goes with the media of a connection; null where it is not agreed. */
export type NegotiatedFeatures = {
  /** Payload types of repairs (RFC 4588). */
  readonly repairs: Readonly<Record<PictureKind, number | null>>;
  /** Whether sound that is lost may be asked for again. */
  readonly repairsSound: boolean;
  /** The payload type of redundant sound (RFC 2198). */
  readonly redundancy: number | null;
  /** Payload types of pressed keys (RFC 4733), the first to send by: who answers with both clocks may send with either. */
  readonly keys: readonly number[];
  /** Ids of the header extension with the transport-wide sequence number, about whose arrival each side tells the other. */
  readonly transportSequence: Readonly<Record<MediaKind, number | null>>;
  /** The receiver estimates what the path carries, where nothing is told about arrivals. */
  readonly remb: boolean;
};

export function negotiatedFeatures(sections: readonly MediaSection[]): NegotiatedFeatures {
  const of = (kind: MediaKind) => sections.find((section) => section.kind === kind && section.accepted);
  const says = (kind: MediaKind, feedback: Feedback) => of(kind)?.features.feedback.includes(feedback) === true;
  const repairs = (kind: PictureKind) => of(kind)?.features.repairs.get(of(kind)?.codecs[0]?.payloadType ?? -1) ?? null;
  const transportSequence = ofEachKind((kind) => (says(kind, 'transport-cc') ? (of(kind)?.features.transportSequence ?? null) : null));
  return {
    repairs: { video: repairs('video'), screen: repairs('screen') },
    repairsSound: says('audio', 'nack'),
    redundancy: of('audio')?.features.redundancy ?? null,
    keys: of('audio')?.features.keys.map(({ payloadType }) => payloadType) ?? [],
    transportSequence,
    remb: MEDIA_KINDS.every((kind) => transportSequence[kind] === null) && PICTURE_KINDS.some((kind) => says(kind, 'goog-remb'))
  };
}
