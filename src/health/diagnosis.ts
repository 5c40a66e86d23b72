// What a diagnosis is made of. Facts in words a room's administrator knows, and what to do; never a secret.

export type CheckOutcome = {
  readonly result: 'ok' | 'warn' | 'fail';
  readonly text: string;
  /** What to do; only where something is to be done. */
  readonly advice?: string;
};

export type Check = CheckOutcome & { readonly name: string };

export const ok = (text: string): CheckOutcome => ({ result: 'ok', text });
export const warn = (text: string, advice: string): CheckOutcome => ({ result: 'warn', text, advice });
export const fail = (text: string, advice: string): CheckOutcome => ({ result: 'fail', text, advice });
