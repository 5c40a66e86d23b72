// cloister hangup: ends the call, or declines the one that rings.
import { CloisterError } from '../../src/kernel/errors.ts';
import { type ClientCommand, runClientCommand } from '../client-command.ts';
import type { CommandIo, ExitStatus } from '../io.ts';

const HANGUP: ClientCommand = {
  name: 'hangup',
  usage: `Usage: cloister hangup [--url URL] [--json]

Ends the room's call; declines it where it rings here.
  --url URL   the room's address (default http://127.0.0.1:8480)
  --json      print one JSON document: the call's id`,
  flags: [],
  positionals: 0,
  async run({ http }) {
    const { call } = await http.state();
    if (call === null || call.phase === 'ended') throw new CloisterError('CL_CALL_NONE', 'The room is in no call.');
    const declines = call.direction === 'incoming' && call.phase === 'ringing';
    await http.post(`/api/v1/calls/${call.id}/${declines ? 'decline' : 'end'}`, {});
    return { document: { id: call.id }, lines: [`${declines ? 'Declined' : 'Ended'} the call with ${call.peer.account}.`], done: true };
  }
};

export const runHangupCommand = (args: string[], io: CommandIo): Promise<ExitStatus> => runClientCommand(HANGUP, args, io);
