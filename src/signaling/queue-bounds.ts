// How much the embedded broker keeps for an endpoint that is away or does not confirm: bounded for each recipient, and in it for each
// sender, so that no endpoint can use up the broker's memory or another's place. What no longer fits is not kept; the newest goes first. Pure.

export type QueueBounds = {
  /** Takes the place of a message; false where there is none. */
  admit(recipient: string, sender: string, bytes: number): boolean;
  /** Gives it back. */
  release(recipient: string, sender: string, bytes: number): void;
};

type Use = { messages: number; bytes: number };
type Limit = { readonly messages: number; readonly bytes: number };

export type QueueLimits = { readonly recipient: Limit; readonly sender: Limit };

const LIMITS: QueueLimits = { recipient: { messages: 1_024, bytes: 8 * 1024 * 1024 }, sender: { messages: 128, bytes: 1024 * 1024 } };

export function createQueueBounds(limits: QueueLimits = LIMITS): QueueBounds {
  const uses = new Map<string, Use>();
  const fits = (key: string, limit: Limit, bytes: number): boolean => {
    const { messages: kept, bytes: keptBytes } = uses.get(key) ?? { messages: 0, bytes: 0 };
    return kept < limit.messages && keptBytes + bytes <= limit.bytes;
  };
  const add = (key: string, messages: number, bytes: number): void => {
    const use = uses.get(key) ?? { messages: 0, bytes: 0 };
    use.messages += messages;
    use.bytes += bytes;
    if (use.messages > 0) uses.set(key, use);
    else uses.delete(key);
  };
  return {
    admit(recipient, sender, bytes) {
      const ofSender = `${recipient} ${sender}`;
      if (!fits(recipient, limits.recipient, bytes) || !fits(ofSender, limits.sender, bytes)) return false;
      add(recipient, 1, bytes);
      add(ofSender, 1, bytes);
      return true;
    },
    release(recipient, sender, bytes) {
      add(recipient, -1, -bytes);
      add(`${recipient} ${sender}`, -1, -bytes);
    }
  };
}
