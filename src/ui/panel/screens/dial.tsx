// Call: an address typed with the panel's own keyboard. The only thing kept here is what has been typed.
import { makeStyles } from '@fluentui/react-components';
import { ArrowLeftRegular } from '@fluentui/react-icons/svg/arrow-left';
import { CallFilled } from '@fluentui/react-icons/svg/call';
import { type FormEvent, useState } from 'react';
import { parseAddress } from '../../../kernel/address.ts';
import type { ErrorCode } from '../../../kernel/error-codes.ts';
import type { RoomState } from '../../../room/state.ts';
import { useCommand } from '../../shared/room-context.tsx';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { Keyboard } from '../keyboard.tsx';
import { CommandError, Screen } from '../screen.tsx';
import { TouchButton } from '../touch-button.tsx';

const useStyles = makeStyles({
  screen: { gap: '0.5rem', padding: '1.25rem 2rem' },
  form: { display: 'flex', gap: panelSizes.gap, alignItems: 'stretch' },
  input: {
    flexGrow: 1,
    minWidth: 0,
    minHeight: 'max(64px, 4.5rem)',
    padding: '0 1.5rem',
    border: `2px solid ${colours.field}`,
    borderRadius: '0.75rem',
    backgroundColor: colours.card,
    color: colours.text,
    caretColor: colours.brandText,
    fontFamily: 'inherit',
    fontSize: 'max(24px, 1.75rem)',
    userSelect: 'text',
    '::placeholder': { color: colours.placeholder, opacity: 1 },
    ':focus': { outlineStyle: 'none', border: `2px solid ${colours.brandText}` },
    '&[aria-invalid="true"]': { border: `2px solid ${colours.bad}` }
  },
  note: { minHeight: '1.75em', display: 'flex', alignItems: 'center', color: colours.quiet, fontSize: panelSizes.text }
});

export function DialScreen({ room, onBack }: { readonly room: RoomState['room']; readonly onBack: () => void }) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const [typed, setTyped] = useState('');
  const [fault, setFault] = useState<ErrorCode | null>(null);

  function type(value: string): void {
    setTyped(value);
    setFault(null);
  }

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    const address = parseAddress(typed);
    if (!address.ok) return setFault(address.error.code);
    setFault(null);
    if (await command.placeCall(address.value.account)) onBack(); // the call's own screen is over this one by then
  }

  const error = fault === null ? command.error : t.error(fault);
  return (
    <Screen testId="screen-dial" name={t('dial.title')} className={styles.screen}>
      <form className={styles.form} onSubmit={(event) => void submit(event)} noValidate>
        <TouchButton testId="button-back" label="" name={t('action.back')} icon={<ArrowLeftRegular />} tone="quiet" onTouch={onBack} />
        <input
          data-testid="input-address"
          className={styles.input}
          aria-label={t('dial.label')}
          aria-invalid={error !== null}
          placeholder={t('dial.placeholder')}
          dir="ltr"
          value={typed}
          maxLength={254}
          // The panel's own keyboard is there; the system's would cover it.
          inputMode="none"
          autoCapitalize="none"
          autoComplete="off"
          spellCheck={false}
          // biome-ignore lint/a11y/noAutofocus: this screen is for typing one thing.
          autoFocus
          onChange={(event) => type(event.target.value)}
        />
        <TouchButton
          testId="button-place-call"
          label={t('dial.call')}
          icon={<CallFilled />}
          tone="answer"
          submit
          disabled={typed.trim() === '' || command.pending !== null}
        />
      </form>
      <div className={styles.note}>{error === null ? t('dial.hint') : <CommandError error={error} />}</div>
      <Keyboard organisation={room.organisation} value={typed} onChange={type} />
    </Screen>
  );
}
