// Reads the session descriptions of a call (RFC 8866, RFC 8829): one BUNDLE of at most sound, camera and shared screen. Pure.
// A description is read strictly and whole before anything acts on it. Security rules: one SHA-256 fingerprint, the same everywhere and no other hash;
// a later description may not change it. Errors never quote a description: it holds the ICE password.
import { CloisterError } from '../../kernel/errors.ts';
import { err, ok, type Result } from '../../kernel/result.ts';
import type { MediaKind, VideoCodec } from '../streams.ts';

type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
type DescriptionType = 'offer' | 'answer';
export type SetupRole = 'active' | 'passive' | 'actpass';

export type CodecOffer = { readonly codec: VideoCodec | 'opus'; readonly payloadType: number };

/** RFC 4585 and its extensions: resending, and who estimates what the path carries. */
export type Feedback = 'nack' | 'transport-cc' | 'goog-remb';

/** What goes with the media of a section, each only where both sides say so. */
export type SectionFeatures = {
  /** Payload types of repairs (RFC 4588) by the payload type of what they repair. */
  readonly repairs: ReadonlyMap<number, number>;
  /** The payload type of redundant sound (RFC 2198). */
  readonly redundancy: number | null;
  /** The id of the transport-wide sequence number among the header extensions (RFC 8285). */
  readonly transportSequence: number | null;
  readonly feedback: readonly Feedback[];
  /** Telephone events (RFC 4733), the preferred clock first. */
  readonly keys: readonly KeyFormat[];
};

export type KeyFormat = { readonly rate: 48_000 | 8_000; readonly payloadType: number };

export type MediaSection = {
  readonly kind: MediaKind;
  readonly mid: string;
  readonly direction: Direction;
  /** False for a rejected one. */
  readonly accepted: boolean;
  /** The codecs that Cloister has, in the description's order. */
  readonly codecs: readonly CodecOffer[];
  readonly features: SectionFeatures;
};

export type Description = {
  /** 32 bytes. */
  readonly fingerprint: Uint8Array;
  readonly setup: SetupRole;
  readonly iceUfrag: string;
  readonly icePassword: string;
  readonly sections: readonly MediaSection[];
  /** Candidate attributes without `a=`. */
  readonly candidates: readonly string[];
  readonly endOfCandidates: boolean;
};

const MAX_CHARACTERS = 32_768;
const MAX_LINES = 1_000;
const MAX_SECTIONS = 3;
const MAX_CANDIDATES = 64;

export const TRANSPORT_SEQUENCE = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';
export const FEEDBACK: readonly Feedback[] = ['nack', 'transport-cc', 'goog-remb'];

const ICE_CHARACTERS = /^[A-Za-z0-9+/]+$/;
const FINGERPRINT = /^sha-256 ([0-9a-f]{2}(?::[0-9a-f]{2}){31})$/i;
const DIRECTIONS: readonly string[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'] satisfies readonly Direction[];

class Unfit extends Error {}
class Unsafe extends Error {}

/**
 * Reads the other side's description.
 * @returns CL_SECURITY_FINGERPRINT where the fingerprint is missing, ambiguous or not SHA-256; CL_MEDIA_NEGOTIATION for anything else that does not fit
 */
export function parseDescription(text: string, type: DescriptionType): Result<Description, CloisterError> {
  try {
    return ok(parse(text, type));
  } catch (error) {
    if (error instanceof Unsafe) return err(new CloisterError('CL_SECURITY_FINGERPRINT', error.message));
    if (error instanceof Unfit) return err(new CloisterError('CL_MEDIA_NEGOTIATION', error.message));
    throw error;
  }
}

/**
 * Whether a later description of the same call keeps what the handshake proved (call-security.md "The verdict").
 * @returns CL_SECURITY_RENEGOTIATION where it names another certificate, an additional one, or none
 */
export function parseUpdate(text: string, type: DescriptionType, pinned: Uint8Array): Result<Description, CloisterError> {
  const parsed = parseDescription(text, type);
  if (!parsed.ok) {
    if (parsed.error.code !== 'CL_SECURITY_FINGERPRINT') return parsed;
    return err(new CloisterError('CL_SECURITY_RENEGOTIATION', 'a later description does not name exactly the certificate of this call'));
  }
  if (Buffer.compare(parsed.value.fingerprint, pinned) !== 0) {
    return err(new CloisterError('CL_SECURITY_RENEGOTIATION', 'a later description names another certificate than the one of this call'));
  }
  return parsed;
}

type Section = { readonly media: string | null; readonly attributes: readonly (readonly [name: string, value: string])[] };

function parse(text: string, type: DescriptionType): Description {
  const [session, ...media] = split(text);
  if (session === undefined || media.length === 0) throw new Unfit('the description has no media');
  if (media.length > MAX_SECTIONS) throw new Unfit('the description has more sections than sound, camera and screen');
  const fingerprint = onlyFingerprint([session, ...media]);
  const firstPicture = media.findIndex((section) => section.media?.startsWith('video ') === true);
  const parsed = media.map((section, index) => parseSection(section, type, index > firstPicture));
  const live = media.filter((_, index) => parsed[index]?.accepted === true);
  if (live.length === 0) throw new Unfit('no section is accepted');
  requireDistinct(
    parsed.map((section) => section.kind),
    'the description has two sections of one kind'
  );
  requireDistinct(
    parsed.map((section) => section.mid),
    'two sections have the same mid'
  );
  requireDistinct(
    parsed.flatMap((section) => (section.accepted ? payloadTypesOf(section) : [])),
    'two codecs have the same payload type'
  );
  requireBundle(session, parsed);
  for (const section of live) {
    if (valuesOf(section, 'rtcp-mux').length === 0) throw new Unfit('a section does not multiplex RTCP');
    const covered = valuesOf(section, 'fingerprint').length + valuesOf(session, 'fingerprint').length > 0;
    if (!covered) throw new Unsafe('a section has no fingerprint');
  }
  const iceUfrag = shared(session, live, 'ice-ufrag');
  const icePassword = shared(session, live, 'ice-pwd');
  // RFC 8839 section 5.4.
  if (!ICE_CHARACTERS.test(iceUfrag) || iceUfrag.length < 4 || iceUfrag.length > 256) throw new Unfit('the ICE user fragment is not well formed');
  if (!ICE_CHARACTERS.test(icePassword) || icePassword.length < 22 || icePassword.length > 256) throw new Unfit('the ICE password is not well formed');
  const candidates = [...new Set([session, ...live].flatMap((section) => valuesOf(section, 'candidate')))];
  if (candidates.length > MAX_CANDIDATES) throw new Unfit('the description has too many candidates');
  return {
    fingerprint,
    setup: setupOf(session, live, type),
    iceUfrag,
    icePassword,
    sections: parsed,
    candidates: candidates.map((candidate) => `candidate:${candidate}`),
    endOfCandidates: [session, ...live].some((section) => valuesOf(section, 'end-of-candidates').length > 0)
  };
}

/** The session part, then one part per media section. */
function split(text: string): Section[] {
  if (text.length > MAX_CHARACTERS) throw new Unfit('the description is too long');
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines.length > MAX_LINES) throw new Unfit('the description has too many lines');
  if (lines[0] !== 'v=0') throw new Unfit('the description does not begin with its version');
  const sections: { media: string | null; attributes: (readonly [string, string])[] }[] = [{ media: null, attributes: [] }];
  for (const line of lines) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a NUL or a lone CR may not stand in a line (RFC 8866 section 9).
    if (!/^[a-z]=[^\u0000\r]*$/.test(line)) throw new Unfit('a line of the description is not well formed');
    const value = line.slice(2);
    if (line.startsWith('m=')) sections.push({ media: value, attributes: [] });
    if (!line.startsWith('a=')) continue;
    const colon = value.indexOf(':');
    const attribute = colon < 0 ? ([value.trim(), ''] as const) : ([value.slice(0, colon).trim(), value.slice(colon + 1).trim()] as const);
    // Names are case-sensitive (RFC 8866 section 5.13); one that differs in case only would hide from the checks below.
    if (attribute[0] !== attribute[0].toLowerCase() && /^(fingerprint|setup|ice-|candidate|group|mid|tls-id)/i.test(attribute[0])) {
      throw new Unfit('an attribute is not written as it should be');
    }
    sections.at(-1)?.attributes.push(attribute);
  }
  return sections;
}

const valuesOf = (section: Section, name: string): string[] => section.attributes.filter(([key]) => key === name).map(([, value]) => value);

/** RFC 8122 section 5. Rejected sections count, too: whatever reads the text must come to the same one value. */
function onlyFingerprint(sections: readonly Section[]): Uint8Array {
  const values = sections.flatMap((section) => valuesOf(section, 'fingerprint'));
  const distinct = new Set<string>();
  for (const value of values) {
    const match = FINGERPRINT.exec(value);
    if (match?.[1] === undefined) throw new Unsafe('a fingerprint is not a well-formed SHA-256 one');
    distinct.add(match[1].toLowerCase());
  }
  const [only] = distinct;
  if (only === undefined) throw new Unsafe('the description has no fingerprint');
  if (distinct.size > 1) throw new Unsafe('the description has more than one fingerprint');
  return new Uint8Array(Buffer.from(only.replaceAll(':', ''), 'hex'));
}

/** @param second not the first picture: the shared screen, which not every peer labels as such (RFC 4796) */
function parseSection(section: Section, type: DescriptionType, second: boolean): MediaSection {
  const [media, port, protocol, ...formats] = (section.media ?? '').split(' ');
  if (media !== 'audio' && media !== 'video') throw new Unfit('a section is neither sound nor picture');
  const kind = media === 'video' && second ? 'screen' : media;
  if (port === undefined || !/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new Unfit('a section’s port is not a number');
  if (protocol !== 'UDP/TLS/RTP/SAVPF') throw new Unfit('a section is not DTLS-SRTP with feedback');
  const [mid, ...moreMids] = valuesOf(section, 'mid');
  if (mid === undefined || moreMids.length > 0 || !/^[A-Za-z0-9._-]{1,16}$/.test(mid)) throw new Unfit('a section has not one well-formed mid');
  const directions = section.attributes.map(([name]) => name).filter((name) => DIRECTIONS.includes(name));
  if (directions.length > 1) throw new Unfit('a section has more than one direction');
  const direction = (directions[0] ?? 'sendrecv') as Direction;
  // An offered section without a port of its own is not a rejected one where it is offered for the bundle alone (RFC 9143 section 6).
  const accepted = Number(port) !== 0 || (type === 'offer' && valuesOf(section, 'bundle-only').length > 0);
  const described = formatsOf(section, formats);
  const codecs = codecsOf(kind, described);
  return { kind, mid, direction, accepted, codecs, features: featuresOf(section, kind, described, codecs) };
}

type Format = { readonly payloadType: number; readonly map: string; readonly parameters: string };

/** The formats of a section's line, each once. */
function formatsOf(section: Section, formats: readonly string[]): Format[] {
  const maps = new Map(valuesOf(section, 'rtpmap').map((value) => splitAtSpace(value)));
  const parameters = new Map(valuesOf(section, 'fmtp').map((value) => splitAtSpace(value)));
  const described = new Map<number, Format>();
  for (const format of formats) {
    const payloadType = Number(format);
    // 64 to 95 cannot be told from RTCP (RFC 5761 section 4).
    if (!/^\d{1,3}$/.test(format) || payloadType > 127 || (payloadType >= 64 && payloadType <= 95) || described.has(payloadType)) continue;
    described.set(payloadType, { payloadType, map: (maps.get(format) ?? '').toLowerCase(), parameters: parameters.get(format) ?? '' });
  }
  return [...described.values()];
}

function codecsOf(kind: MediaKind, formats: readonly Format[]): CodecOffer[] {
  return formats.flatMap(({ payloadType, map, parameters }) => {
    const codec = codecOf(kind, map, parameters);
    return codec === null ? [] : [{ codec, payloadType }];
  });
}

/** What is said of codecs that Cloister has not is left out; so is what is said of only some of those that it has. */
function featuresOf(section: Section, kind: MediaKind, formats: readonly Format[], codecs: readonly CodecOffer[]): SectionFeatures {
  const repairs = new Map<number, number>();
  for (const { payloadType, map, parameters } of kind === 'audio' ? [] : formats) {
    const [, repaired] = /^rtx\/90000$/.test(map) ? (/(?:^|;)\s*apt=(\d{1,3})\s*(?:;|$)/.exec(parameters) ?? []) : [];
    const of = Number(repaired);
    if (codecs.some((codec) => codec.payloadType === of) && !repairs.has(of)) repairs.set(of, payloadType);
  }
  // Blocks of other codecs than the one that is agreed could not be played (RFC 2198 section 5 lists them).
  const opus = codecs[0]?.payloadType;
  const redundant = formats.find(
    ({ map, parameters }) => kind === 'audio' && map === 'red/48000/2' && parameters !== '' && parameters.split('/').every((type) => Number(type) === opus)
  );
  const said = valuesOf(section, 'rtcp-fb');
  // The sound's own clock is the better one; each once.
  const keys = ([48_000, 8_000] as const).flatMap((rate) => {
    const format = formats.find(({ map, parameters }) => kind === 'audio' && opus !== undefined && isKeyFormat(map, parameters, rate));
    return format === undefined ? [] : [{ rate, payloadType: format.payloadType }];
  });
  return {
    repairs,
    redundancy: redundant?.payloadType ?? null,
    keys,
    transportSequence: transportSequenceOf(section),
    feedback: FEEDBACK.filter(
      (each) => codecs.length > 0 && codecs.every(({ payloadType }) => said.includes(`${payloadType} ${each}`) || said.includes(`* ${each}`))
    )
  };
}

/** RFC 4733 section 2.4.1: events 0 to 15, where nothing else is said; some write the one channel out. */
const isKeyFormat = (map: string, parameters: string, rate: number): boolean =>
  (map === `telephone-event/${rate}` || map === `telephone-event/${rate}/1`) &&
  (parameters === '' || parameters.split(',').some((range) => /^(?:events=)?0-(?:1[5-9]|[2-9]\d|1\d\d|2[0-4]\d|25[0-5])$/.test(range.trim())));

/** RFC 8285 section 5: an id that fits the form with headers of one byte, for both directions. */
function transportSequenceOf(section: Section): number | null {
  for (const value of valuesOf(section, 'extmap')) {
    const [, id] = /^(\d{1,2})(?:\/sendrecv)? (\S+)/.exec(value) ?? [];
    if (id !== undefined && value.split(' ')[1] === TRANSPORT_SEQUENCE && Number(id) >= 1 && Number(id) <= 14) return Number(id);
  }
  return null;
}

export const payloadTypesOf = ({ codecs, features }: MediaSection): number[] => [
  ...codecs.map((codec) => codec.payloadType),
  ...features.repairs.values(),
  ...(features.redundancy === null ? [] : [features.redundancy]),
  ...features.keys.map(({ payloadType }) => payloadType)
];

function codecOf(kind: MediaKind, map: string, parameters: string): CodecOffer['codec'] | null {
  if (kind === 'audio') return map === 'opus/48000/2' ? 'opus' : null;
  if (map === 'vp8/90000') return 'VP8';
  if (map !== 'h264/90000' && map !== 'vp9/90000') return null;
  const values = new Map(
    parameters
      .toLowerCase()
      .split(';')
      .map((parameter) => parameter.trim().split('=') as [string, string])
  );
  if (map === 'vp9/90000') return (values.get('profile-id') ?? '0') === '0' ? 'VP9' : null; // 0 where left out (RFC 9628 section 6)
  // Constrained baseline: profile_idc 66 with constraint_set1 (RFC 6184 section 8.1), which every decoder of the other side has.
  const [, constraints] = /^42([0-9a-f]{2})[0-9a-f]{2}$/.exec(values.get('profile-level-id') ?? '') ?? [];
  const constrained = constraints !== undefined && (Number.parseInt(constraints, 16) & 0x40) !== 0;
  return constrained && values.get('packetization-mode') === '1' ? 'H264' : null;
}

function splitAtSpace(value: string): readonly [string, string] {
  const space = value.indexOf(' ');
  return space < 0 ? [value, ''] : [value.slice(0, space), value.slice(space + 1)];
}

/** All accepted sections share one transport (RFC 9143). */
function requireBundle(session: Section, sections: readonly MediaSection[]): void {
  const groups = valuesOf(session, 'group')
    .map((value) => value.split(' '))
    .filter(([semantics]) => semantics === 'BUNDLE');
  const mids = groups[0]?.slice(1) ?? [];
  const complete = groups.length === 1 && sections.every((section) => !section.accepted || mids.includes(section.mid));
  if (!complete) throw new Unfit('the sections are not in one bundle');
}

/** A value that may stand in the session part or in the sections, and must be the same in all of them. */
function shared(session: Section, sections: readonly Section[], name: string): string {
  const values = new Set([session, ...sections].flatMap((section) => valuesOf(section, name)));
  const [only] = values;
  if (only === undefined || values.size > 1) throw new Unfit(`the description has not one value of ${name}`);
  return only;
}

/** RFC 8842 section 5.2: an offer should leave the choice, an answer must choose. */
function setupOf(session: Section, sections: readonly Section[], type: DescriptionType): SetupRole {
  const setup = shared(session, sections, 'setup');
  if (setup === 'active' || setup === 'passive') return setup;
  if (setup === 'actpass' && type === 'offer') return setup;
  throw new Unfit('the DTLS role is not an allowed one');
}

function requireDistinct(values: readonly (string | number)[], text: string): void {
  if (new Set(values).size !== values.length) throw new Unfit(text);
}
