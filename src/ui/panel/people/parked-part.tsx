// A parked call goes on here: its code, and the room in which it was parked where that is another one.
import { makeStyles } from '@fluentui/react-components';
import { CallParkFilled } from '@fluentui/react-icons/svg/call-park';
import { type FormEvent, useState } from 'react';
import { parseAddress } from '../../../kernel/address.ts';
import type { ErrorCode } from '../../../kernel/error-codes.ts';
import type { RoomState } from '../../../room/state.ts';
import { useCommand } from '../../shared/room-context.tsx';
import { colours } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { Keyboard } from '../keyboard.tsx';
import { CommandError } from '../screen.tsx';
import { TouchButton } from '../touch-button.tsx';
import { TypingField } from './typing-field.tsx';

const MOST_DIGITS = 16;

const useStyles = makeStyles({
  part: { flexGrow: 1, minHeight: 0, display: 'grid', gridTemplateColumns: 'minmax(0, 1fr) minmax(712px, 58%)', gap: '1rem' },
  // As high as the keyboard; the code and what to do with it come first, so that they never scroll away.
  form: {
    height: 0,
    minHeight: '100%',
    minWidth: 0,
    display: 'flex',
    flexDirection: 'column',
    gap: '0.75rem',
    padding: '4px',
    overflowX: 'hidden',
    overflowY: 'auto',
    overscrollBehavior: 'contain',
    scrollbarColor: `${colours.quiet} transparent`
  },
  field: { display: 'flex', flexDirection: 'column', flexShrink: 0, gap: '0.35rem' },
  retrieve: { flexShrink: 0 },
  // In a column the field keeps its height.
  line: { display: 'flex', flexShrink: 0 },
  hint: { margin: 0, color: colours.quiet },
  keys: { display: 'flex', flexDirection: 'column', minHeight: 0, minWidth: 0 }
});

export function ParkedPart({ room, onBack }: { readonly room: RoomState['room']; readonly onBack: () => void }) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const [field, setField] = useState<'code' | 'room'>('code');
  const [code, setCode] = useState('');
  const [address, setAddress] = useState('');
  const [fault, setFault] = useState<ErrorCode | null>(null);

  function type(value: string, into = field): void {
    setFault(null);
    command.clearError();
    if (into === 'code') setCode(value.replaceAll(/\D/g, '').slice(0, MOST_DIGITS));
    else setAddress(value);
  }

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    const parsed = address.trim() === '' ? null : parseAddress(address);
    if (parsed !== null && !parsed.ok) return setFault(parsed.error.code);
    const account = parsed === null || parsed.value.account === room.account ? null : parsed.value.account;
    if (await command.run('retrieve', '/api/v1/calls/retrieve', { account, code })) onBack();
  }

  const error = fault === null ? command.error : t.error(fault);
  return (
    <div className={styles.part} data-keeps-height>
      <form className={styles.form} onSubmit={(event) => void submit(event)} noValidate>
        <div className={styles.line}>
          <TypingField
            testId="input-park-code"
            label={t('people.parked.code')}
            placeholder={t('people.parked.code')}
            value={code}
            most={MOST_DIGITS}
            autoFocus
            invalid={command.error !== null}
            onChange={(value) => type(value, 'code')}
            onFocus={() => setField('code')}
          />
        </div>
        <TouchButton
          testId="button-retrieve"
          label={t(command.pending === null ? 'people.parked.retrieve' : 'people.parked.retrieving')}
          icon={<CallParkFilled />}
          tone="answer"
          submit
          className={styles.retrieve}
          disabled={code === '' || command.pending !== null}
        />
        <CommandError error={error} />
        <p className={styles.hint}>{t('people.parked.hint')}</p>
        <div className={styles.field}>
          <div className={styles.line}>
            <TypingField
              testId="input-park-room"
              label={t('people.parked.room')}
              placeholder={t('people.parked.room')}
              value={address}
              invalid={fault !== null}
              onChange={(value) => type(value, 'room')}
              onFocus={() => setField('room')}
            />
          </div>
          <p className={styles.hint}>{t('people.parked.roomEmpty')}</p>
        </div>
      </form>
      <div className={styles.keys}>
        <Keyboard organisation={room.organisation} value={field === 'code' ? code : address} onChange={(value) => type(value)} />
      </div>
    </div>
  );
}
