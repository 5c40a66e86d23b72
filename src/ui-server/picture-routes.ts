// Pictures for this room's own pages, device tests, what can be shared, and the code on the display. Tickets and sources are made by the room.
import type { RequestHandler } from 'express';
import * as z from 'zod';
import type { RoomPort } from './port.ts';
import { parseBody } from './request-body.ts';

const emptyBody = z.strictObject({});
const codeBody = z.strictObject({ shown: z.boolean() });

export function selfViewTicket(room: RoomPort): RequestHandler {
  return async (request, response) => {
    parseBody(emptyBody, request.body);
    response.json(await room.selfViewTicket());
  };
}

export function previewTicket(room: RoomPort): RequestHandler {
  return async (request, response) => {
    parseBody(emptyBody, request.body);
    response.json(await room.devices.previewTicket());
  };
}

export function startTest(room: RoomPort): RequestHandler<{ id: string }> {
  return async (request, response) => {
    parseBody(emptyBody, request.body);
    await room.devices.startTest(request.params.id);
    response.status(204).end();
  };
}

export function stopTest(room: RoomPort): RequestHandler {
  return async (request, response) => {
    parseBody(emptyBody, request.body);
    await room.devices.stopTest();
    response.status(204).end();
  };
}

export function listShareSources(room: RoomPort): RequestHandler {
  return async (_request, response) => {
    response.json({ sources: await room.shareSources() });
  };
}

export function showCode(room: RoomPort): RequestHandler {
  return async (request, response) => {
    await room.showCode(parseBody(codeBody, request.body).shown);
    response.status(204).end();
  };
}
