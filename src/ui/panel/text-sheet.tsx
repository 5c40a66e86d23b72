// A text that somebody writes: a field over the whole panel with the keyboard below it. A keyboard that is plugged in writes into the field as well.
import { makeStyles } from '@fluentui/react-components';
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { colours, panelSizes } from '../shared/theme.ts';
import { useTexts } from '../shared/use-texts.ts';
import { CommandError } from './screen.tsx';
import { TextKeyboard } from './text-keyboard.tsx';
import { TouchButton } from './touch-button.tsx';

const useStyles = makeStyles({
  sheet: {
    width: '100vw',
    height: '100vh',
    maxWidth: 'none',
    maxHeight: 'none',
    padding: '1.25rem 2rem',
    border: 'none',
    overflowX: 'hidden',
    overflowY: 'auto',
    backgroundColor: colours.ground,
    color: colours.text,
    fontSize: panelSizes.text,
    lineHeight: 1.35
  },
  content: { display: 'flex', flexDirection: 'column', gap: '0.75rem', minHeight: '100%' },
  head: { display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: panelSizes.gap, flexShrink: 0 },
  title: { margin: 0, flexGrow: 1, flexBasis: '10rem', minWidth: 0, overflowWrap: 'anywhere', fontSize: panelSizes.large, fontWeight: 600, lineHeight: 1.2 },
  field: {
    flexGrow: 1,
    minHeight: 'max(72px, 4.5rem)',
    width: '100%',
    padding: '0.75rem 1rem',
    resize: 'none',
    border: `2px solid ${colours.field}`,
    borderRadius: '0.75rem',
    backgroundColor: colours.card,
    color: colours.text,
    fontFamily: 'inherit',
    fontSize: panelSizes.large,
    lineHeight: 1.4,
    userSelect: 'text',
    '::placeholder': { color: colours.placeholder, opacity: 1 },
    ':focus-visible': { outline: `3px solid ${colours.brandText}`, outlineOffset: '-3px' }
  }
});

const MOST_CHARACTERS = 500;

type TextSheetProps = {
  readonly testId: string;
  readonly title: string;
  /** Of the field. */
  readonly label: string;
  readonly keys?: 'words' | 'address';
  /** On the button that ends it. */
  readonly done: string;
  readonly mayBeEmpty?: boolean;
  readonly most?: number;
  readonly pending: boolean;
  readonly error: string | null;
  /** Between the field and the keyboard. */
  readonly hint?: ReactNode;
  readonly onTyped?: () => void;
  readonly onDone: (text: string) => void;
  readonly onClose: () => void;
};

export function TextSheet(props: TextSheetProps) {
  const { testId, title, label, keys = 'words', done, mayBeEmpty = false, most = MOST_CHARACTERS, pending, error, hint, onTyped, onDone, onClose } = props;
  const styles = useStyles();
  const t = useTexts();
  const heading = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState('');
  const change = (value: string): void => {
    onTyped?.();
    setText(value.slice(0, most));
  };
  useEffect(() => {
    const shown = dialog.current;
    const opener = document.activeElement;
    shown?.showModal();
    field.current?.focus();
    return () => {
      shown?.close();
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the end of the text stays in sight as it grows.
  useEffect(() => {
    field.current?.scrollTo({ top: field.current.scrollHeight });
  }, [text]);
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
        <div className={styles.head}>
          <h2 id={heading} className={styles.title}>
            {title}
          </h2>
          <TouchButton testId="button-text-cancel" label={t('action.cancel')} onTouch={onClose} />
          <TouchButton
            testId="button-text-done"
            label={done}
            tone="brand"
            disabled={pending || (!mayBeEmpty && text.trim() === '')}
            onTouch={() => onDone(text)}
          />
        </div>
        <textarea
          ref={field}
          data-testid="text-field"
          aria-label={label}
          placeholder={label}
          className={styles.field}
          inputMode="none"
          autoComplete="off"
          spellCheck={false}
          {...(keys === 'address' ? { dir: 'ltr' } : {})}
          value={text}
          onChange={(event) => change(event.target.value)}
        />
        {hint}
        {error === null ? null : <CommandError error={error} />}
        <TextKeyboard keys={keys} value={text} onChange={change} />
      </div>
    </dialog>
  );
}
