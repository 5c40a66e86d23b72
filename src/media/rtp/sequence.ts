// Sequence numbers of 16 bits with their rollovers. Pure.

/** The number with its rollovers that is nearest to `known` (RFC 3550 appendix A.1). */
export const unwrapSequence = (sequenceNumber: number, known: number): number => known + (((sequenceNumber - known) << 16) >> 16);
