// A panel elsewhere (over TLS) that is not paired gets nothing of the room: it asks for the PIN, which pairs it, and begins anew.
import { useEffect, useState } from 'react';
import { useCommand } from '../shared/room-context.tsx';
import { useTexts } from '../shared/use-texts.ts';
import { isElsewhere } from './elsewhere.ts';
import { PinSheet } from './pin-sheet.tsx';

const ASK_AGAIN_MS = 3_000;

/** Rendered while the room does not tell its state. */
export function Pairing() {
  const t = useTexts();
  const { get, code } = useCommand();
  const [refused, setRefused] = useState(false);
  const [later, setLater] = useState(false);
  useEffect(() => {
    if (code === 'CL_PANEL_NOT_PAIRED') setRefused(true);
  }, [code]);
  // Again and again: who was removed while the network was away hears of it only when it is back.
  useEffect(() => {
    if (!isElsewhere() || refused) return;
    let timer: number | null = null;
    let over = false;
    const ask = async (): Promise<void> => {
      await get('/api/v1/state');
      if (!over) timer = window.setTimeout(() => void ask(), ASK_AGAIN_MS);
    };
    void ask();
    return () => {
      over = true;
      if (timer !== null) window.clearTimeout(timer);
    };
  }, [get, refused]);
  if (!refused || later) return null;
  return (
    <PinSheet
      admin={{ pinSet: true, lockedUntil: null }}
      task={t('panels.pair')}
      onDone={() => location.reload()}
      // Nothing to go back to: it is asked for again the next time.
      onClose={() => setLater(true)}
    />
  );
}
