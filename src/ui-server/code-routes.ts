// POST /api/v1/calls/ID/compare-code and speak-code: the security code keyed in, and read out. Digits stay out of every answer, log and cache.
import type { RequestHandler } from 'express';
import * as z from 'zod';
import { LANGUAGES } from '../kernel/panel-choices.ts';
import type { RoomPort } from './port.ts';
import { parseBody } from './request-body.ts';

const compareBody = z.strictObject({ digits: z.string().regex(/^\d{20}$/), mediaEpoch: z.int().min(1) });
const speakBody = z.strictObject({ language: z.enum(LANGUAGES) });

export function compareCode(room: RoomPort): RequestHandler<{ id: string }> {
  return async (request, response) => {
    const { digits, mediaEpoch } = parseBody(compareBody, request.body);
    response.json(await room.compareCode(request.params.id, digits, mediaEpoch));
  };
}

export function speakCode(room: RoomPort): RequestHandler<{ id: string }> {
  return async (request, response) => {
    const { language } = parseBody(speakBody, request.body);
    const spoken = await room.speakCode(request.params.id, language);
    // Each answer is no-store (app.ts).
    response.type('audio/wav').send(Buffer.from(spoken));
  };
}
