// cloister answer: answers the call that rings in this room.
import { CloisterError } from '../../src/kernel/errors.ts';
import { type ClientCommand, runClientCommand } from '../client-command.ts';
import type { CommandIo, ExitStatus } from '../io.ts';

const ANSWER: ClientCommand = {
  name: 'answer',
  usage: `Usage: cloister answer [--audio-only] [--url URL] [--json]

Answers the call that rings.
  --audio-only   without picture
  --url URL      the room's address (default http://127.0.0.1:8480)
  --json         print one JSON document: the call's id`,
  flags: ['audio-only'],
  positionals: 0,
  async run({ flags, http }) {
    const { call } = await http.state();
    if (call === null || call.direction !== 'incoming' || call.phase !== 'ringing') throw new CloisterError('CL_CALL_NONE', 'No call rings in this room.');
    await http.post(`/api/v1/calls/${call.id}/answer`, { video: !flags.has('audio-only') });
    return { document: { id: call.id }, lines: [`Answered the call of ${call.peer.account}.`], done: true };
  }
};

export const runAnswerCommand = (args: string[], io: CommandIo): Promise<ExitStatus> => runClientCommand(ANSWER, args, io);
