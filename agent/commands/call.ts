// cloister call ADDRESS: places a call; with --wait the exit status tells whether it got connected.
import { CloisterError } from '../../src/kernel/errors.ts';
import type { CallView } from '../../src/room/state.ts';
import { type ClientCommand, type CommandResult, runClientCommand } from '../client-command.ts';
import type { HttpClient } from '../http-client.ts';
import type { CommandIo, ExitStatus } from '../io.ts';

const POLL_MS = 100;

const CALL: ClientCommand = {
  name: 'call',
  usage: `Usage: cloister call ADDRESS [--wait] [--audio-only] [--url URL] [--json]

Places a call to an address such as boardroom@contoso.example.
  --wait         wait until the call is connected (exit status 0) or has ended (1)
  --audio-only   begin without picture
  --url URL      the room's address (default http://127.0.0.1:8480)
  --json         print one JSON document: the call's id, or with --wait the call`,
  flags: ['wait', 'audio-only'],
  positionals: 1,
  async run({ flags, positionals, http }) {
    const placed = await http.post('/api/v1/calls', { to: positionals[0], media: { audio: true, video: !flags.has('audio-only') } });
    const id = typeof placed === 'object' && placed !== null && 'id' in placed ? String(placed.id) : '';
    if (!flags.has('wait')) return { document: { id }, lines: [`The call is placed: ${id}`], done: true };
    return outcome(await settled(http, id));
  }
};

export const runCallCommand = (args: string[], io: CommandIo): Promise<ExitStatus> => runClientCommand(CALL, args, io);

/** The call once it is connected or has ended; the room itself ends a call that nobody answers. */
async function settled(http: HttpClient, id: string): Promise<CallView> {
  for (;;) {
    const { call } = await http.state();
    if (call?.id !== id) throw new CloisterError('CL_CALL_NONE', 'The call is over, and another one took its place.');
    if (call.phase === 'connected' || call.phase === 'ended') return call;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function outcome(call: CallView): CommandResult {
  if (call.phase !== 'connected') return { document: call, lines: [`The call ended: ${call.ended?.text ?? 'no reason is known'}`], done: false };
  const { state, securityCode } = call.encryption;
  const lines = [`Connected with ${call.peer.account}: ${state ?? 'security not settled'}`, ...(securityCode === null ? [] : [`Code  ${securityCode}`])];
  return { document: call, lines, done: true };
}
