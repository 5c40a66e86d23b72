// A question or a small form over the screen. The browser's own modal dialog: it keeps the focus inside, closes by Escape, makes everything
// else inert, and gives the focus back to what opened it.
import { makeStyles } from '@fluentui/react-components';
import { type ReactNode, useEffect, useId, useRef } from 'react';
import { colours, panelSizes } from '../../shared/theme.ts';

const useStyles = makeStyles({
  sheet: {
    width: 'min(48rem, 92vw)',
    maxHeight: '92vh',
    padding: '2rem',
    overflowY: 'auto',
    overscrollBehavior: 'contain',
    border: `2px solid ${colours.line}`,
    borderRadius: '1.25rem',
    backgroundColor: colours.card,
    color: colours.text,
    fontSize: panelSizes.text,
    lineHeight: 1.35,
    '::backdrop': { backgroundColor: 'rgba(0, 0, 0, 0.6)' }
  },
  content: { display: 'flex', flexDirection: 'column', gap: '1.25rem' },
  title: { margin: 0, fontSize: panelSizes.title, fontWeight: 600, lineHeight: 1.2 },
  buttons: { display: 'flex', flexWrap: 'wrap', justifyContent: 'flex-end', gap: panelSizes.gap }
});

type SheetProps = {
  readonly testId: string;
  readonly title: string;
  /** By Escape; buttons of the content call what they like. */
  readonly onClose: () => void;
  /** At its foot, at the end of the line. */
  readonly buttons?: ReactNode;
  readonly children: ReactNode;
};

/** Shown for as long as it is rendered. */
export function Sheet({ testId, title, onClose, buttons, children }: SheetProps) {
  const styles = useStyles();
  const heading = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    const opener = document.activeElement;
    shown?.showModal();
    return () => {
      shown?.close();
      // React takes the dialog away before the browser could give the focus back.
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      data-testid={testId}
      aria-labelledby={heading}
      className={styles.sheet}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div className={styles.content}>
        <h2 id={heading} className={styles.title}>
          {title}
        </h2>
        {children}
        {buttons === undefined ? null : <div className={styles.buttons}>{buttons}</div>}
      </div>
    </dialog>
  );
}
