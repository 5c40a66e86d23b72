// cloister status: the room's one document of state, or a few lines of it for people.
import type { CallView, MediaFlow, RoomState } from '../../src/room/state.ts';
import { type ClientCommand, runClientCommand } from '../client-command.ts';
import type { CommandIo, ExitStatus } from '../io.ts';

const STATUS: ClientCommand = {
  name: 'status',
  usage: `Usage: cloister status [--url URL] [--json]

Says what the room is doing.
  --url URL   the room's address (default http://127.0.0.1:8480)
  --json      print the room's whole state as one JSON document`,
  flags: [],
  positionals: 0,
  async run({ http }) {
    const state = await http.state();
    return { document: state, lines: describe(state), done: true };
  }
};

export const runStatusCommand = (args: string[], io: CommandIo): Promise<ExitStatus> => runClientCommand(STATUS, args, io);

function describe({ room, call, policy, network, health }: RoomState): string[] {
  const { encryption } = policy;
  return [
    `Room        ${room.name}, ${room.account}, ${health.status}`,
    `Broker      ${network.broker}${network.clock === 'wrong' ? ', the clock is wrong' : ''}`,
    `Encryption  ${encryption.available ? 'end-to-end encrypted calls are available' : `standard calls only (${encryption.reason ?? encryption.policy})`}`,
    ...(call === null ? ['Call        none'] : describeCall(call)),
    ...health.problems.map(({ code, text }) => `Problem     ${text} (${code})`),
    ...health.securityEvents.map(({ at, code, text }) => `Security    ${at} ${text} (${code})`)
  ];
}

function describeCall({ peer, phase, direction, encryption, media, ended }: CallView): string[] {
  const lines = [`Call        ${phase}, ${direction}, ${peer.displayName} <${peer.account}>, identity ${peer.identity}`];
  if (ended !== null) return [...lines, `Ended       ${ended.text} (${ended.code ?? ended.reason})`];
  lines.push(
    `Security    ${encryption.state ?? `not settled; expected: ${encryption.expected}`}${encryption.reason === null ? '' : ` (${encryption.reason})`}`
  );
  if (encryption.securityCode !== null) lines.push(`Code        ${encryption.securityCode}`);
  if (phase === 'connected')
    lines.push(`Audio       ${describeFlow(media.audio)}`, `Video       ${describeFlow(media.video)}`, `Screen      ${describeFlow(media.screen)}`);
  return lines;
}

const describeFlow = ({ sending, receiving, codec, bitrateKbps, packetsReceived, lost }: MediaFlow): string =>
  `${sending ? 'sending' : 'not sending'}, ${receiving ? `receiving ${codec ?? ''} ${bitrateKbps} kbit/s` : 'not receiving'}, ${packetsReceived} packets, ${lost} lost`;
