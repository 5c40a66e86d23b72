// Whether this panel is not the room's own. The room's own comes over plain loopback; all others come over TLS (ui-server/server.ts).

export const isElsewhere = (): boolean => location.protocol === 'https:';
