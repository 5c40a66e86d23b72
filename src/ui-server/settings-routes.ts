// /api/v1/settings: what people chose for this room. Some of it is the administrator's: a change with any of that is made whole by an administrator or not at all.
import type { RequestHandler } from 'express';
import * as z from 'zod';
import { LANGUAGES } from '../kernel/panel-choices.ts';
import { choices } from '../settings/port.ts';
import { requireAdministrator } from './administrator.ts';
import type { RoomPort, SettingsChange } from './port.ts';
import { parseBody } from './request-body.ts';

/** A week. */
const MAX_MINUTES = 7 * 24 * 60;

const changeBody: z.ZodType<SettingsChange> = z.strictObject({
  language: z.enum(LANGUAGES).exactOptional(),
  ...choices,
  doNotDisturb: z
    .strictObject({ minutes: z.int().min(1).max(MAX_MINUTES).nullable() })
    .nullable()
    .exactOptional()
});

const emptyBody = z.strictObject({});

const ADMINISTRATORS: readonly (keyof SettingsChange)[] = ['roomLanguage', 'autoAnswer', 'wipeDailyAt', 'encryption'];

/** As it can be sent back, but for do-not-disturb, which is set in minutes and told by its end. */
export function readSettings(room: RoomPort): RequestHandler {
  return (_request, response) => {
    const { settings, policy } = room.state();
    response.json({ ...settings, encryption: policy.encryption.setting });
  };
}

export function tryRinger(room: RoomPort): RequestHandler {
  return async (request, response) => {
    parseBody(emptyBody, request.body);
    await room.tryRinger();
    response.status(204).end();
  };
}

export function changeSettings(room: RoomPort): RequestHandler {
  return async (request, response) => {
    const change = parseBody(changeBody, request.body);
    if (ADMINISTRATORS.some((name) => change[name] !== undefined)) requireAdministrator(room.admin, request);
    await room.changeSettings(change);
    response.status(204).end();
  };
}
