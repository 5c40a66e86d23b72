// POST below /api/v1/calls: places a call and acts on it (protocol.md "Local HTTP interface"). Bodies are checked here, states by the room.
import type { RequestHandler } from 'express';
import * as z from 'zod';
import { CloisterError } from '../kernel/errors.ts';
import { UUID_PATTERN } from '../kernel/uuid.ts';
import type { CallAction, CallActionOptions, RoomPort } from './port.ts';
import { parseBody } from './request-body.ts';

const placeCallBody = z.strictObject({
  to: z.string().min(1).max(320),
  media: z.strictObject({ audio: z.boolean().default(true), video: z.boolean().default(true) }).prefault({})
});
const answerBody = z.strictObject({ video: z.boolean().default(true) });
const declineBody = z.strictObject({ block: z.boolean().default(false) });
/** Which code people compared: that of this media process (`mediaEpoch` of the state). A code that was replaced meanwhile is not confirmed. */
const codesBody = z.strictObject({ mediaEpoch: z.int().min(1).exactOptional() });
/** An id of /api/v1/share-sources; what the configuration names where left out. */
const shareBody = z.strictObject({ source: z.string().min(1).max(300).exactOptional() });
const recordingBody = z.strictObject({ on: z.boolean() });
const keysBody = z.strictObject({ digits: z.string().regex(/^[0-9A-D*#]{1,32}$/) });
const emptyBody = z.strictObject({});
/** Of which call; the one in front where left out. */
const displayBody = z.strictObject({ call: z.string().regex(UUID_PATTERN).exactOptional() });

/** Whom to hand over to, ask first, or add. */
const toBody = z.strictObject({ to: z.string().min(1).max(320) });
/** `account`: of the room where the call is parked; null for this one. */
const retrieveBody = z.strictObject({ account: z.string().min(1).max(320).nullable(), code: z.string().min(1).max(16) });

const BODIES: { readonly [A in CallAction]?: z.ZodType<CallActionOptions> } = {
  answer: answerBody,
  share: shareBody,
  decline: declineBody,
  'codes-match': codesBody,
  'codes-differ': codesBody,
  transfer: toBody,
  'consult-then-transfer': toBody,
  'add-participant': toBody,
  recording: recordingBody,
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
  'transfer',
  'consult-then-transfer',
  'complete-transfer',
  'park',
  'add-participant',
  'merge',
  'recording',
  'dtmf'
]);
const isAction = (name: string): name is CallAction => ACTIONS.has(name);

/** Of R6, and never done here; they are named like the state's `unavailable` features. */
const NEVER_DONE: ReadonlySet<string> = new Set(['captions', 'transcription', 'move-to-another-device', 'apps']);

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
    if (!isAction(action) && !NEVER_DONE.has(action)) throw new CloisterError('CL_NOT_FOUND');
    const { call: front, otherCalls } = room.state();
    const call = [front, ...otherCalls].find((each) => each?.id === id);
    if (call == null) throw new CloisterError('CL_CALL_NONE');
    // Before anything else is looked at: the panel says the same of it.
    const unavailable = call.unavailable.find(({ feature }) => feature === action);
    if (unavailable?.reason === 'end-to-end-encryption')
      throw new CloisterError('CL_CALL_FEATURE_UNAVAILABLE', `${action} is unavailable because the call is end-to-end encrypted.`);
    if (unavailable?.reason === 'conference') throw new CloisterError('CL_CALL_CONFERENCE');
    if (unavailable !== undefined || !isAction(action)) throw new CloisterError('CL_CALL_FEATURE_MISSING');
    await room.callAction(id, action, parseBody<z.ZodType<CallActionOptions>>(BODIES[action] ?? emptyBody, request.body));
    response.status(204).end();
  };
}

export function retrieveCall(room: RoomPort): RequestHandler {
  return async (request, response) => {
    const { account, code } = parseBody(retrieveBody, request.body);
    const { id } = await room.retrieve(account, code);
    response.location(`/api/v1/calls/${id}`).json({ id });
  };
}

export function displayTicket(room: RoomPort): RequestHandler {
  return async (request, response) => {
    const { call } = parseBody(displayBody, request.body);
    response.json(await room.displayTicket(call));
  };
}
