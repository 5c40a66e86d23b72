// The administrator's PIN and session, reports, the log, silenced problems, restart. Bodies are checked here, PINs by the room; nothing here keeps a PIN or tells one.
import type { RequestHandler, Response } from 'express';
import * as z from 'zod';
import { sessionCookie, sessionOf } from './administrator.ts';
import type { PanelsPort, ReportFile, RoomPort } from './port.ts';
import { panelCookie, panelOf } from './remote-gate.ts';
import { parseBody } from './request-body.ts';

/** Whatever it is, it is compared: what cannot be a PIN is a wrong one, and counts. */
const pin = z.string().min(1).max(64);
const signInBody = z.strictObject({ pin });
const pinBody = z.strictObject({ pin, current: pin.nullable().default(null) });
const reportBody = z.strictObject({ text: z.string().max(2000) });
const silenceBody = z.strictObject({ code: z.string().min(1).max(64), reason: z.string().trim().min(1).max(500).nullable() });
const emptyBody = z.strictObject({});

export function showSession({ admin }: RoomPort): RequestHandler {
  return (request, response) => {
    const token = sessionOf(request);
    const endsAt = token === null ? null : admin.endsAt(token);
    response.json({ administrator: endsAt !== null, endsAt });
  };
}

/** @param panels those elsewhere, where this is their listener: who signs in there for the first time is paired by it */
export function signIn({ admin }: RoomPort, panels: PanelsPort | null): RequestHandler {
  return async (request, response) => {
    const { token } = await admin.signIn(parseBody(signInBody, request.body).pin, panels === null ? 'here' : 'network');
    const before = sessionOf(request);
    if (before !== null) admin.signOut(before);
    const cookies = [sessionCookie(request, token)];
    if (panels !== null && panelOf(panels, request) === null) {
      cookies.push(panelCookie((await panels.pair(request.socket.remoteAddress ?? 'unknown')).token));
    }
    response.setHeader('set-cookie', cookies);
    response.status(204).end();
  };
}

export function signOut({ admin }: RoomPort): RequestHandler {
  return (request, response) => {
    parseBody(emptyBody, request.body);
    const token = sessionOf(request);
    if (token !== null) admin.signOut(token);
    response.setHeader('set-cookie', sessionCookie(request, null));
    response.status(204).end();
  };
}

export function setPin({ admin }: RoomPort, panels: PanelsPort | null): RequestHandler {
  return async (request, response) => {
    const wanted = parseBody(pinBody, request.body);
    await admin.setPin(wanted.pin, wanted.current, panels === null ? 'here' : 'network');
    // All sessions have ended with it.
    response.setHeader('set-cookie', sessionCookie(request, null));
    response.status(204).end();
  };
}

export function makeReport({ reports }: RoomPort): RequestHandler {
  return async (request, response) => {
    const report = await reports.create(parseBody(reportBody, request.body).text);
    response.status(201).location(`/api/v1/reports/${report.id}`).json(report);
  };
}

export function listReports({ reports }: RoomPort): RequestHandler {
  return async (_request, response) => {
    response.json({ reports: await reports.list() });
  };
}

/** For anybody, to find a number again: what people wrote is the administrator's to read. */
export function listReportNumbers({ reports }: RoomPort): RequestHandler {
  return async (_request, response) => {
    response.json({ reports: (await reports.list()).map(({ id, at, bytes }) => ({ id, at, bytes })) });
  };
}

function download(response: Response, { name, bytes }: ReportFile): void {
  response.setHeader('content-type', 'application/gzip');
  response.setHeader('content-disposition', `attachment; filename="${name}"`);
  response.send(Buffer.from(bytes));
}

export function downloadReport({ reports }: RoomPort): RequestHandler<{ id: string }> {
  return async (request, response) => {
    download(response, await reports.open(request.params.id));
  };
}

export function downloadDiagnostics({ reports }: RoomPort): RequestHandler {
  return async (_request, response) => {
    download(response, await reports.diagnostics());
  };
}

export function showLogs(room: RoomPort): RequestHandler {
  return (_request, response) => {
    response.json({ lines: room.logs() });
  };
}

export function silenceProblem(room: RoomPort): RequestHandler {
  return async (request, response) => {
    const { code, reason } = parseBody(silenceBody, request.body);
    await room.silence(code, reason);
    response.status(204).end();
  };
}

const removeBody = z.strictObject({ id: z.string().min(1).max(64) });

export function listPanels(panels: PanelsPort, addresses: () => readonly string[]): RequestHandler {
  return (_request, response) => {
    response.json({ addresses: addresses(), panels: panels.list() });
  };
}

export function removePanel(panels: PanelsPort): RequestHandler {
  return async (request, response) => {
    await panels.remove(parseBody(removeBody, request.body).id);
    response.status(204).end();
  };
}

/** 202: it ends a moment after this answer. */
export function restartAgent(room: RoomPort): RequestHandler {
  return async (request, response) => {
    parseBody(emptyBody, request.body);
    await room.restart();
    response.status(202).end();
  };
}
