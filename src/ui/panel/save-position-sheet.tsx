// A name for the camera's position: what rooms have is one touch away, and a keyboard can type another.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { useState } from 'react';
import { colours, panelSizes } from '../shared/theme.ts';
import { useTexts } from '../shared/use-texts.ts';
import { Sheet } from './parts/sheet.tsx';
import { TouchButton } from './touch-button.tsx';

const useStyles = makeStyles({
  names: { display: 'grid', gridTemplateColumns: 'repeat(auto-fill, minmax(min(11rem, 100%), 1fr))', gap: panelSizes.gap },
  chosen: {
    border: `2px solid ${colours.edgeBrand}`,
    backgroundColor: colours.brand,
    color: colours.onFill,
    ':active': { backgroundColor: colours.brandPressed }
  },
  name: { padding: '0.25rem 0.75rem', fontSize: panelSizes.text, whiteSpace: 'normal', overflowWrap: 'anywhere' },
  input: {
    minHeight: panelSizes.target,
    padding: '0 1.25rem',
    border: `2px solid ${colours.field}`,
    borderRadius: '0.75rem',
    backgroundColor: colours.ground,
    color: colours.text,
    fontFamily: 'inherit',
    fontSize: panelSizes.large,
    userSelect: 'text',
    ':focus': { outlineStyle: 'none', border: `2px solid ${colours.brandText}` }
  },
  note: { margin: 0, color: colours.warning, minHeight: '1.35em' }
});

/** As the agent takes it. */
const MAX_NAME = 64;

type SavePositionSheetProps = {
  readonly presets: readonly string[];
  readonly pending: boolean;
  readonly onSave: (name: string) => void;
  readonly onClose: () => void;
};

export function SavePositionSheet({ presets, pending, onSave, onClose }: SavePositionSheetProps) {
  const styles = useStyles();
  const t = useTexts();
  const numbered = (number: number): string => t('camera.name.number', { number });
  const number = presets.map((_preset, index) => numbered(index + 1)).find((each) => !presets.includes(each)) ?? numbered(presets.length + 1);
  const names = [t('camera.name.room'), t('camera.name.table'), t('camera.name.whiteboard'), t('camera.name.lectern'), t('camera.name.door'), number];
  const [name, setName] = useState(names.find((each) => !presets.includes(each)) ?? number);
  const given = name.trim();
  return (
    <Sheet
      testId="sheet-save-preset"
      title={t('camera.saveTitle')}
      onClose={onClose}
      buttons={
        <>
          <TouchButton testId="button-save-cancel" label={t('action.cancel')} onTouch={onClose} />
          <TouchButton testId="button-save-confirm" label={t('camera.saveNow')} tone="brand" disabled={given === '' || pending} onTouch={() => onSave(given)} />
        </>
      }
    >
      <div className={styles.names}>
        {names.map((each) => (
          <TouchButton
            key={each}
            testId={`name-${each}`}
            label={each}
            pressed={each === given}
            className={mergeClasses(styles.name, each === given && styles.chosen)}
            onTouch={() => setName(each)}
          />
        ))}
      </div>
      <input
        data-testid="input-preset-name"
        className={styles.input}
        aria-label={t('camera.name')}
        value={name}
        maxLength={MAX_NAME}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setName(event.target.value)}
      />
      <p className={styles.note}>{presets.includes(given) ? t('camera.replaces') : ''}</p>
    </Sheet>
  );
}
