// A button that acts for as long as it is held: by finger, mouse, or a key. Whatever takes the finger away stops it: lifted, slid off, cancelled by
// the system, another window in front, or the button gone.
import { type KeyboardEvent, type PointerEvent, useEffect, useRef } from 'react';

type Holding = { readonly start: () => void; readonly stop: () => void };

const HOLD_KEYS: ReadonlySet<string> = new Set([' ', 'Enter']);
/** How long a touch that has no end moves: a screen reader's, which only clicks. */
const CLICK_MS = 300;

export function useHold({ start, stop }: Holding) {
  const latest = useRef({ start, stop });
  latest.current = { start, stop };
  const held = useRef(false);
  const byKey = useRef(false);
  const begin = useRef(() => {
    if (held.current) return;
    held.current = true;
    latest.current.start();
  }).current;
  const end = useRef(() => {
    if (!held.current) return;
    held.current = false;
    latest.current.stop();
  }).current;
  useEffect(() => {
    const hidden = (): void => {
      if (document.hidden) end();
    };
    window.addEventListener('blur', end);
    document.addEventListener('visibilitychange', hidden);
    return () => {
      window.removeEventListener('blur', end);
      document.removeEventListener('visibilitychange', hidden);
      end();
    };
  }, [end]);
  return {
    onPointerDown: (event: PointerEvent) => {
      if (event.button === 0) begin();
    },
    // A touch keeps its button however far it goes; who slides off wants to stop.
    onPointerMove: (event: PointerEvent) => {
      const { left, right, top, bottom } = event.currentTarget.getBoundingClientRect();
      if (event.clientX < left || event.clientX > right || event.clientY < top || event.clientY > bottom) end();
    },
    onPointerUp: end,
    onPointerCancel: end,
    onPointerLeave: end,
    onLostPointerCapture: end,
    onBlur: end,
    onContextMenu: (event: { preventDefault(): void }) => event.preventDefault(),
    onKeyDown: (event: KeyboardEvent) => {
      if (!HOLD_KEYS.has(event.key)) return;
      byKey.current = true;
      if (!event.repeat) begin();
    },
    onKeyUp: (event: KeyboardEvent) => {
      if (!HOLD_KEYS.has(event.key)) return;
      end();
      // After the click that the browser makes of a key.
      window.setTimeout(() => {
        byKey.current = false;
      });
    },
    /** Without a pointer and without a key (both are told above): a screen reader. */
    onClick: (event: { readonly detail: number }) => {
      if (event.detail !== 0 || byKey.current || held.current) return;
      begin();
      window.setTimeout(end, CLICK_MS);
    }
  };
}
