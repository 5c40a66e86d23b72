// cloister share, cloister stop-sharing: begins and ends sharing this room's screen in the call.
import { CloisterError } from '../../src/kernel/errors.ts';
import { type ClientCommand, runClientCommand } from '../client-command.ts';
import type { CommandIo, ExitStatus } from '../io.ts';

const OPTIONS = `  --url URL   the room's address (default http://127.0.0.1:8480)
  --json      print one JSON document: the call's id`;

const command = (name: 'share' | 'stop-sharing', what: string, done: (peer: string) => string): ClientCommand => ({
  name,
  usage: `Usage: cloister ${name} [--url URL] [--json]\n\n${what}\n${OPTIONS}`,
  flags: [],
  positionals: 0,
  async run({ http }) {
    const { call } = await http.state();
    if (call === null || call.phase === 'ended') throw new CloisterError('CL_CALL_NONE', 'The room is in no call.');
    await http.post(`/api/v1/calls/${call.id}/${name}`, {});
    return { document: { id: call.id }, lines: [done(call.peer.account)], done: true };
  }
});

const SHARE = command('share', 'Shares what media.screen of the configuration names with the other room of the call.', (peer) => `Sharing with ${peer}.`);
const STOP = command('stop-sharing', 'Ends sharing; the call goes on.', (peer) => `Sharing with ${peer} has ended.`);

export const runShareCommand = (args: string[], io: CommandIo): Promise<ExitStatus> => runClientCommand(SHARE, args, io);
export const runStopSharingCommand = (args: string[], io: CommandIo): Promise<ExitStatus> => runClientCommand(STOP, args, io);
