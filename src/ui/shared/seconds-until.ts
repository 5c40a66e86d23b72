// Whole seconds that are left, for a countdown. Pure.

/** 0 once it is over, also where a clock jumped. @param at ISO 8601 */
export const secondsUntil = (at: string, now: number): number => Math.max(0, Math.ceil((Date.parse(at) - now) / 1000));
