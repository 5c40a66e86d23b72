// POST below /api/v1/calls: places a call and acts on it (protocol.md "Local HTTP interface"). Bodies are checked here, states by the room.
import type { RequestHandler } from 'express';
import * as z from 'zod';
import { CloisterError } from '../kernel/errors.ts';
import type { CallAction, CallActionOptions, RoomPort } from './port.ts';
import { parseBody } from './request-body.ts';

const placeCallBody = z.strictObject({
  to: z.string().min(1).max(320),
  media: z.strictObject({ audio: z.boolean().default(true), video: z.boolean().default(true) }).prefault({})
});
const answerBody = z.strictObject({ video: z.boolean().default(true) });
/** Which code people compared: that of this media process (`mediaEpoch` of the state). A code that was replaced meanwhile is not confirmed. */
const codesBody = z.strictObject({ mediaEpoch: z.int().min(1).exactOptional() });
const keysBody = z.strictObject({ digits: z.string().regex(/^[0-9A-D*#]{1,32}$/) });
const emptyBody = z.strictObject({});

const BODIES: Partial<Record<CallAction, z.ZodType<CallActionOptions>>> = {
  answer: answerBody,
  'codes-match': codesBody,
  'codes-differ': codesBody,
  dtmf: keysBody
};

const ACTIONS: ReadonlySet<string> = new Set<CallAction>([
  'answer',
  'decline',
  'end',
  'mute',
  'unmute',
  'camera-on',
  'camera-off',
  'share',
  'stop-sharing',
  'hold',
  'resume',
  'codes-match',
  'codes-differ',
  'dtmf'
]);
const isAction = (name: string): name is CallAction => ACTIONS.has(name);

/** Actions that the protocol names and Cloister does not have yet. Those of R6 are named like the state's `unavailable` features. */
const ACTIONS_TO_COME: ReadonlySet<string> = new Set([
  'captions',
  'transcription',
  'transfer',
  'consult-then-transfer',
  'merge',
  'park',
  'move-to-another-device',
  'add-participant',
  'recording',
  'apps'
]);

export function placeCall(room: RoomPort): RequestHandler {
  return async (request, response) => {
    const { to, media } = parseBody(placeCallBody, request.body);
    const { id } = await room.placeCall(to, media);
    response.status(201).location(`/api/v1/calls/${id}`).json({ id });
  };
}

export function actOnCall(room: RoomPort): RequestHandler<{ id: string; action: string }> {
  return async (request, response) => {
    const { id, action } = request.params;
    if (isAction(action)) {
      await room.callAction(id, action, parseBody<z.ZodType<CallActionOptions>>(BODIES[action] ?? emptyBody, request.body));
      response.status(204).end();
      return;
    }
    if (!ACTIONS_TO_COME.has(action)) throw new CloisterError('CL_NOT_FOUND');
    const { call } = room.state();
    if (call?.id !== id) throw new CloisterError('CL_CALL_NONE');
    const takenAway = call.unavailable.some(({ feature }) => feature === action);
    throw takenAway
      ? new CloisterError('CL_CALL_FEATURE_UNAVAILABLE', `${action} is unavailable because the call is end-to-end encrypted.`)
      : new CloisterError('CL_NOT_IMPLEMENTED', `Cloister cannot do ${action} yet.`);
  };
}

export function displayTicket(room: RoomPort): RequestHandler {
  return async (request, response) => {
    parseBody(emptyBody, request.body);
    response.json(await room.displayTicket());
  };
}
