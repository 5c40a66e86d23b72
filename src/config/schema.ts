// The one schema of the configuration: validation, defaults, config/schema.json and the meaning of each key come from it.
// Every leaf says by `restart` when a change takes effect. Pure. A key that is not here is an error (fleet.md: no setting is half understood).
// Relative paths are relative to the agent's working directory.
import * as z from 'zod';
import { isAccount } from '../kernel/address.ts';
import { LANGUAGES, TEXT_SIZES, THEMES } from '../kernel/panel-choices.ts';
import { parseServerAddress } from '../kernel/server-address.ts';

/** When a changed value takes effect: at once, with the next call, or when the agent starts again. */
export type RestartNeed = 'none' | 'next-call' | 'restart';

type Meaning = { readonly title: string; readonly description: string; readonly restart: RestartNeed };

const meaning = (title: string, restart: RestartNeed, description: string): Meaning => ({ title, description, restart });

const path = z.string().min(1).max(4096);
/** 0 lets the system choose a free port. */
const port = z.int().min(0).max(65535);
const host = z
  .string()
  .max(253)
  .regex(/^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$/, { error: 'must be a host name or an IP address' });
/** What a browser sends as Host: a name or address, an IPv6 address in brackets, a port where it is not the standard one. */
const hostHeader = z
  .string()
  .max(260)
  .regex(/^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/, {
    error: 'must be a host as a browser names it, in lower case, such as panel.contoso.example:8480'
  });
const evenSize = (min: number, max: number): z.ZodInt => z.int().min(min).max(max).multipleOf(2);
const source = z.string().min(1).max(1024);

const serverAddress = z
  .string()
  .max(300)
  .refine((text) => parseServerAddress(text) !== null, {
    error: 'must be one stun:HOST, turn:HOST or turns:HOST address, as in turn:turn.contoso.example:3478?transport=udp'
  });
const iceServer = z.strictObject({
  urls: serverAddress,
  username: z.string().max(512).exactOptional(),
  credential: z.string().max(512).exactOptional()
});

const room = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1)
    .max(64)
    .default('Meeting room')
    .meta(meaning('Room name', 'restart', 'Shown on the panel and the display, and to whom this room calls.'))
});

const identity = z.strictObject({
  directory: path
    .default('data/identity')
    .meta(meaning('Identity folder', 'restart', 'Holds key.pem, certificate.pem and ca.pem, as cloister identity issue writes them.')),
  trustedCertificates: z
    .array(path)
    .max(64)
    .default([])
    .meta(meaning('Trusted authorities', 'restart', 'Files with CA certificates of other organisations; one’s own, beside the identity, is always trusted.')),
  revocationLists: z
    .array(path)
    .max(64)
    .default([])
    .meta(
      meaning(
        'Revocation lists',
        'none',
        'Files with the revocation lists (CRL) of the trusted authorities; read again every minute. A list that is out of date refuses everybody of its organisation.'
      )
    ),
  acceptUnsigned: z
    .boolean()
    .default(false)
    .meta(
      meaning(
        'Accept unsigned messages',
        'restart',
        'For tests of the security code only: signatures of signaling messages are not checked, and every caller shows as unverified.'
      )
    )
});

const broker = z.strictObject({
  mode: z
    .enum(['embedded', 'external'])
    .default('embedded')
    .meta(meaning('Broker', 'restart', 'embedded: this agent is the message broker too; external: one that runs elsewhere.')),
  url: z
    .string()
    .max(2048)
    .regex(/^(?:mqtts|wss):\/\/[^\s/?#@]+(?:[/?][^\s#]*)?$/, { error: 'must be an mqtts:// or wss:// address without user name and password' })
    .exactOptional()
    .meta(meaning('Broker address', 'restart', 'Of the external broker: mqtts://HOST:PORT or wss://HOST:PORT/PATH.')),
  certificateAuthority: path
    .exactOptional()
    .meta(
      meaning(
        'Authority of the broker',
        'restart',
        'The CA certificate that an external broker’s certificate is checked against; one’s own organisation’s where left out.'
      )
    ),
  listen: z
    .strictObject({
      host: host.default('127.0.0.1').meta(meaning('Listening address', 'restart', 'The address that the embedded broker listens on.')),
      port: port.default(8883).meta(meaning('Listening port', 'restart', 'The TCP port of the embedded broker; 0 is any free one.'))
    })
    .prefault({}),
  certificateDirectory: path
    .default('data/broker')
    .meta(meaning('Broker certificate folder', 'restart', 'The embedded broker’s key and certificate, as cloister identity issue-broker writes them.'))
});

const encryption = z.strictObject({
  policy: z
    .enum(['Disabled', 'DisabledUserOverride', 'Required'])
    .default('Disabled')
    .meta(
      meaning(
        'Encryption policy',
        'next-call',
        'The organisation’s policy for end-to-end encrypted calls. Disabled: none. DisabledUserOverride: off, but the setting may turn it on. Required: only such calls are placed or answered.'
      )
    ),
  setting: z
    .boolean()
    .default(false)
    .meta(meaning('Encryption setting', 'next-call', 'The account’s own setting; it counts where the policy is DisabledUserOverride.')),
  complianceRecording: z
    .boolean()
    .default(false)
    .meta(meaning('Compliance recording', 'next-call', 'Compliance recording is in force for the account: end-to-end encryption is then unavailable to it.')),
  fips: z
    .boolean()
    .default(false)
    .meta(meaning('FIPS algorithms only', 'next-call', 'Only P-256, SHA-256 or SHA-384, and AES-GCM.'))
});

/** @param defaults of the size and rates of a picture */
const picture = (name: string, defaults: { readonly width: number; readonly height: number; readonly fps: number; readonly maxKbps: number }) =>
  z
    .strictObject({
      width: evenSize(160, 3840)
        .default(defaults.width)
        .meta(meaning(`${name}: width`, 'next-call', 'In pixels, even, 160 to 3840.')),
      height: evenSize(90, 2160)
        .default(defaults.height)
        .meta(meaning(`${name}: height`, 'next-call', 'In pixels, even, 90 to 2160.')),
      fps: z
        .int()
        .min(1)
        .max(60)
        .default(defaults.fps)
        .meta(meaning(`${name}: frames per second`, 'next-call', '1 to 60.')),
      maxKbps: z
        .int()
        .min(100)
        .max(20_000)
        .default(defaults.maxKbps)
        .meta(meaning(`${name}: highest bit rate`, 'next-call', 'In kbit/s, 100 to 20,000.'))
    })
    .prefault({});

const media = z.strictObject({
  camera: source.default('auto').meta(meaning('Camera', 'next-call', 'auto, test, none, file:PATH, or a device’s name or path.')),
  microphone: source.default('auto').meta(meaning('Microphone', 'next-call', 'auto, test, none, file:PATH, or a device’s name or path.')),
  speaker: source
    .default('auto')
    .meta(
      meaning(
        'Loudspeaker',
        'next-call',
        'auto: the display plays the sound, and where no display is open the room’s loudspeaker does. display: the display alone. none, or a device’s name or path: that one always.'
      )
    ),
  volumePercent: z
    .int()
    .min(0)
    .max(100)
    .default(80)
    .meta(meaning('Volume', 'restart', 'In per cent, 0 to 100: how loud the other side is played after a start.')),
  echoCancellation: z
    .enum(['auto', 'on', 'off'])
    .default('auto')
    .meta(
      meaning(
        'Echo cancellation',
        'next-call',
        'auto: but for a speakerphone that plays the other side itself, and so takes its echo out itself. on: always. off: never.'
      )
    ),
  video: picture('Picture', { width: 1280, height: 720, fps: 30, maxKbps: 2500 }),
  screen: source
    .default('auto')
    .meta(
      meaning(
        'What is shared',
        'next-call',
        'Sent only after somebody touches Share. auto (the capture input, else the screen), screen, screen:DISPLAY such as screen::0, test, none, file:PATH, or a device’s name or path.'
      )
    ),
  screenVideo: picture('Shared screen', { width: 1920, height: 1080, fps: 15, maxKbps: 3000 }),
  codecs: z
    .array(z.enum(['H264', 'VP8', 'VP9']))
    .min(1)
    .refine((codecs) => new Set(codecs).size === codecs.length, 'names a codec twice')
    .default(['H264', 'VP8', 'VP9'])
    .meta(meaning('Codecs of the picture', 'next-call', 'Those that are offered and taken, the preferred one first. H264 and VP8 cost the least CPU.')),
  hardwareEncoding: z
    .enum(['auto', 'off', 'expected'])
    .default('auto')
    .meta(
      meaning(
        'Encoding in hardware',
        'restart',
        'auto: where it works. off: never. expected: as auto, and its absence is told as a problem. Software always stands by.'
      )
    ),
  iceServers: z
    .array(iceServer)
    .max(4)
    .default([])
    .meta(
      meaning(
        'STUN and TURN servers',
        'next-call',
        'None by default: nobody outside is asked anything. All are asked at the same time; a TURN server needs username and credential.'
      )
    ),
  relay: z
    .strictObject({
      service: z
        .string()
        .max(254)
        .refine(isAccount, { error: 'must be an account such as relay@contoso.example, in lower case' })
        .exactOptional()
        .meta(
          meaning(
            'Relay service',
            'restart',
            'The account of the service that gives this room short-lived credentials for the relays (cloister relay-credentials). None: only the servers above are used.'
          )
        ),
      certificateAuthority: path
        .exactOptional()
        .meta(
          meaning(
            'Authority of the relays',
            'restart',
            'The CA certificate that the certificate of a turns: server is checked against; the public authorities where left out.'
          )
        )
    })
    .prefault({})
});

const visca = z.strictObject({
  name: z.string().trim().min(1).max(64),
  address: z
    .string()
    .max(300)
    .regex(/^(?:udp|tcp):\/\/(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/, {
      error: 'must be udp://HOST:PORT or tcp://HOST:PORT'
    })
    // A port that is none, or an address of IPv6 that is none, has the form.
    .refine((address) => URL.canParse(address), { error: 'must be udp://HOST:PORT or tcp://HOST:PORT' })
});

const devices = z.strictObject({
  console: z
    .string()
    .regex(/^(?:auto|none|[0-9a-f]{4}:[0-9a-f]{4})$/, { error: 'must be auto, none, or vendor:product in hex, such as 04e7:0020' })
    .default('auto')
    .meta(
      meaning(
        'Touch console',
        'restart',
        'Whose absence is told as a problem. auto: a touch screen that was there before. none: no touch console. Else its vendor:product.'
      )
    ),
  visca: z
    .array(visca)
    .max(8)
    .default([])
    .meta(
      meaning(
        'Cameras at VISCA over IP',
        'restart',
        'Cameras that are moved over the network: a name, and udp://HOST:52381 or tcp://HOST:5678. Their picture is still the camera device’s.'
      )
    )
});

const call = z.strictObject({
  autoAnswer: z
    .boolean()
    .default(false)
    .meta(meaning('Answer by itself', 'restart', 'An incoming call is answered without a touch, until people choose otherwise at the panel.')),
  autoAnswerAfterSeconds: z
    .int()
    .min(0)
    .max(60)
    .default(0)
    .meta(
      meaning('Time before it answers by itself', 'restart', 'In seconds, 0 to 60: so long it rings and shows how long it will. 0: it is answered at once.')
    ),
  inviteTimeoutSeconds: z
    .int()
    .min(5)
    .max(120)
    .default(60)
    .meta(meaning('Ringing time', 'restart', 'In seconds, 5 to 120: how long a call rings before it ends.')),
  reconnectTimeoutMs: z
    .int()
    .min(500)
    .max(60_000)
    .default(3000)
    .meta(meaning('Time to reconnect', 'restart', 'In milliseconds, 500 to 60,000: how long a call that lost its media process may take to be restored.')),
  connectTimeoutMs: z
    .int()
    .min(1000)
    .max(120_000)
    .default(15_000)
    .meta(meaning('Time to connect', 'restart', 'In milliseconds, 1,000 to 120,000: how long an answered call may take until media is secured.')),
  acceptTransfers: z
    .boolean()
    .default(true)
    .meta(
      meaning(
        'Let calls be handed over',
        'restart',
        'The other side of a standard call may hand this room over to somebody else: it then calls there by itself, or bring a third participant in. Off: such a request is refused.'
      )
    ),
  parkTimeoutMinutes: z
    .int()
    .min(1)
    .max(240)
    .default(5)
    .meta(meaning('Time to retrieve', 'restart', 'In minutes, 1 to 240: how long a parked call waits before it is a held call of this room again.'))
});

const panel = z.strictObject({
  language: z
    .enum(LANGUAGES)
    .default('en')
    .meta(meaning('Language of the room', 'restart', 'Of panel and display, until people choose another one; after their call it is this one again.')),
  theme: z
    .enum(THEMES)
    .default('dark')
    .meta(meaning('Theme', 'restart', 'Of the panel, until people choose otherwise.')),
  textSize: z
    .enum(TEXT_SIZES)
    .default('normal')
    .meta(meaning('Text size', 'restart', 'Of the panel, until people choose otherwise.')),
  ringerPercent: z
    .int()
    .min(0)
    .max(100)
    .default(60)
    .meta(meaning('Ringing volume', 'restart', 'In per cent, 0 (silent) to 100, until people choose otherwise.')),
  wipeDailyAt: z
    .string()
    .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, { error: 'must be a time of day such as 03:00' })
    .nullable()
    .default(null)
    .meta(
      meaning(
        'Daily clearing',
        'restart',
        'At this time of day, in the machine’s own zone, what people left goes: recent calls, reports, their language, do-not-disturb. null: only when somebody clears the room.'
      )
    )
});

const isLoopback = (name: string): boolean => name === 'localhost' || name === '::1' || /^127(?:\.\d{1,3}){3}$/.test(name);

const uiServer = z.strictObject({
  host: host
    .refine(isLoopback, { error: 'must be a loopback address, such as 127.0.0.1: a panel elsewhere is paired over TLS, see uiServer.remote' })
    .default('127.0.0.1')
    .meta(meaning('Address of the panel', 'restart', 'The address that the local HTTP interface listens on: one of this machine alone.')),
  port: port.default(8480).meta(meaning('Port of the panel', 'restart', 'The TCP port of the local HTTP interface; 0 is any free one.')),
  allowedHosts: z
    .array(hostHeader)
    .max(16)
    .default([])
    .meta(meaning('Further host names', 'restart', 'Names besides 127.0.0.1, localhost and [::1] under which a browser may address the panel.')),
  remote: z
    .strictObject({
      host: host.default('0.0.0.0').meta(meaning('Address for remote panels', 'restart', 'The address that panels elsewhere reach over TLS.')),
      port: port.default(8443).meta(meaning('Port for remote panels', 'restart', 'Its TCP port; 0 is any free one.')),
      certificateDirectory: path.meta(
        meaning(
          'Certificate for remote panels',
          'restart',
          'Holds key.pem, certificate.pem and ca.pem, as cloister identity issue-broker writes them; a panel addresses the room by a name in it.'
        )
      )
    })
    .exactOptional()
});

const log = z.strictObject({
  level: z
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .meta(meaning('Log level', 'restart', 'The least important lines that are written.')),
  directory: path
    .nullable()
    .default(null)
    .meta(meaning('Log folder', 'restart', 'Where log files go, besides standard error; null for none.'))
});

const recording = z.strictObject({
  recipient: path
    .exactOptional()
    .meta(
      meaning(
        'Who may play recordings',
        'restart',
        'A PEM file with a P-256 public key (cloister recording make-key). Without it nothing is recorded. The private key does not belong on this machine.'
      )
    ),
  maxBytes: z
    .int()
    .min(1024 * 1024)
    .max(2 ** 40)
    .default(4 * 1024 ** 3)
    .meta(meaning('Size of a recording', 'restart', 'In bytes: a recording that reaches it is ended.'))
});

const reports = z.strictObject({
  maxBytes: z
    .int()
    .min(65_536)
    .max(50 * 1024 * 1024)
    .default(5 * 1024 * 1024)
    .meta(meaning('Size of a report', 'restart', 'In bytes, 65,536 to 52,428,800: a report that would be larger has fewer lines of the log. Ten are kept.'))
});

const LOOPBACK_OR_ANY = ['127.0.0.1', 'localhost', '::1', '0.0.0.0', '::'];

export const configSchema = z
  .strictObject({
    /** Lets an editor find config/schema.json. */
    $schema: z.string().exactOptional().meta({ title: 'JSON Schema', description: 'Where config/schema.json is, for an editor.', restart: 'none' }),
    room: room.prefault({}),
    identity: identity.prefault({}),
    broker: broker.prefault({}),
    encryption: encryption.prefault({}),
    media: media.prefault({}),
    devices: devices.prefault({}),
    call: call.prefault({}),
    recording: recording.prefault({}),
    panel: panel.prefault({}),
    uiServer: uiServer.prefault({}),
    log: log.prefault({}),
    reports: reports.prefault({}),
    dataDirectory: path.default('data').meta(meaning('Data folder', 'restart', 'What the agent keeps between starts, such as the journal of a running call.'))
  })
  .superRefine((config, context) => {
    const problem = (at: readonly PropertyKey[], message: string): void => context.addIssue({ code: 'custom', path: [...at], message, input: undefined });
    if (config.broker.mode === 'external' && config.broker.url === undefined) problem(['broker', 'url'], 'is needed where broker.mode is external');
    const { listen } = config.broker;
    const sameHost = listen.host === config.uiServer.host || (LOOPBACK_OR_ANY.includes(listen.host) && LOOPBACK_OR_ANY.includes(config.uiServer.host));
    if (config.broker.mode === 'embedded' && listen.port !== 0 && listen.port === config.uiServer.port && sameHost) {
      problem(['uiServer', 'port'], 'is the embedded broker’s port too');
    }
    for (const [index, server] of config.media.iceServers.entries()) {
      if (/^turns?:/.test(server.urls) && (server.username === undefined || server.credential === undefined)) {
        problem(['media', 'iceServers', index], 'is a TURN server and needs username and credential');
      }
    }
  });

export type Config = z.output<typeof configSchema>;
