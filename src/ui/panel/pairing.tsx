// A panel elsewhere (over TLS) that is not paired gets nothing of the room: it asks for the PIN, which pairs it, and begins anew.
import { useEffect, useState } from 'react';
import { useCommand } from '../shared/room-context.tsx';
import { useTexts } from '../shared/use-texts.ts';
import { isElsewhere } from './elsewhere.ts';
import { PinSheet } from './pin-sheet.tsx';

/** Rendered while the room does not tell its state. */
export function Pairing() {
  const t = useTexts();
  const { get, code } = useCommand();
  const [later, setLater] = useState(false);
  useEffect(() => {
    if (isElsewhere()) void get('/api/v1/state');
  }, [get]);
  if (code !== 'CL_PANEL_NOT_PAIRED' || later) return null;
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
