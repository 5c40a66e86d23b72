// The bad networks that calls are measured and tested through, each the same in both directions.
import type { Impairment } from './impaired-network.ts';

export const NO_IMPAIRMENT: Impairment = { lossRate: 0, delayMs: 0 };

export const IMPAIRMENTS: readonly { readonly name: string; readonly each: Impairment }[] = [
  { name: 'none', each: NO_IMPAIRMENT },
  { name: '5 % lost, 40 ms round trip', each: { lossRate: 0.05, delayMs: 20 } },
  { name: '10 % lost, 100 ms round trip', each: { lossRate: 0.1, delayMs: 50 } },
  { name: '30 % lost, 40 ms round trip', each: { lossRate: 0.3, delayMs: 20 } },
  { name: 'bursts: 5 at a time, 5 % in all, 40 ms round trip', each: { lossRate: 0, delayMs: 20, bursts: { beginRate: 0.0105, endRate: 0.2, lossRate: 1 } } },
  { name: '400 ms round trip', each: { lossRate: 0, delayMs: 200 } },
  { name: 'jitter up to 50 ms, 100 ms round trip', each: { lossRate: 0, delayMs: 50, jitterMs: 50 } },
  { name: '5 % overtaken by 20 ms, 5 % double, 40 ms round trip', each: { lossRate: 0, delayMs: 20, reorderRate: 0.05, reorderMs: 20, duplicateRate: 0.05 } },
  { name: '300 kbit/s, 300 ms of queue, 40 ms round trip', each: { lossRate: 0, delayMs: 20, rateKbps: 300, queueBytes: 11_250 } }
];
