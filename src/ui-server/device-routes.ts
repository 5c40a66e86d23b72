// /api/v1/devices: what there is, which is used, the volume, and moving cameras. Bodies are checked here, values by whoever moves.
import type { RequestHandler } from 'express';
import * as z from 'zod';
import { CloisterError } from '../kernel/errors.ts';
import type { CameraCommand, RoomPort } from './port.ts';
import { parseBody } from './request-body.ts';

const chooseBody = z.strictObject({ kind: z.enum(['camera', 'content', 'microphone', 'speaker']), id: z.string().min(1).max(256).nullable() });
const volumeBody = z.strictObject({ percent: z.int().min(0).max(100) });
const speed = z.number().min(-1).max(1).default(0);
const presetBody = z.strictObject({ name: z.string().min(1).max(64) });
const emptyBody = z.strictObject({});

const CAMERA_BODIES: Readonly<Record<CameraCommand['type'], z.ZodType<object>>> = {
  move: z.strictObject({ pan: speed, tilt: speed, zoom: speed, focus: speed, forMs: z.int().min(1).max(10_000).exactOptional() }),
  stop: emptyBody,
  home: emptyBody,
  set: z.strictObject({ control: z.string().min(1).max(64), value: z.union([z.number(), z.literal('auto')]) }),
  'preset-save': presetBody,
  'preset-recall': presetBody,
  'preset-delete': presetBody
};
const isCameraCommand = (name: string): name is CameraCommand['type'] => Object.hasOwn(CAMERA_BODIES, name);

export function listDevices(room: RoomPort): RequestHandler {
  return (_request, response) => {
    const { media, hid, volumePercent } = room.state().devices;
    response.json({ media, hid, volume: volumePercent });
  };
}

export function chooseDevice(room: RoomPort): RequestHandler {
  return async (request, response) => {
    const { kind, id } = parseBody(chooseBody, request.body);
    await room.devices.choose(kind, id);
    response.status(204).end();
  };
}

export function setVolume(room: RoomPort): RequestHandler {
  return async (request, response) => {
    await room.devices.setVolume(parseBody(volumeBody, request.body).percent);
    response.status(204).end();
  };
}

export function listPresets(room: RoomPort): RequestHandler<{ id: string }> {
  return async (request, response) => {
    response.json({ presets: await room.devices.presets(request.params.id) });
  };
}

export function commandCamera(room: RoomPort): RequestHandler<{ id: string; action: string }> {
  return async (request, response) => {
    const { id, action } = request.params;
    if (!isCameraCommand(action)) throw new CloisterError('CL_NOT_FOUND');
    const body = parseBody(CAMERA_BODIES[action], request.body);
    await room.devices.camera(id, { type: action, ...body } as CameraCommand);
    response.status(204).end();
  };
}
