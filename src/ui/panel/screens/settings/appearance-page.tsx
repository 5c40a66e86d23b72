// How the pages look: theme, with a small picture of each, and the size of the text.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { CheckmarkCircleFilled } from '@fluentui/react-icons/svg/checkmark-circle';
import { useId } from 'react';
import { TEXT_SIZES, THEMES, type ThemeName } from '../../../../kernel/panel-choices.ts';
import type { RoomState } from '../../../../room/state.ts';
import { useCommand } from '../../../shared/room-context.tsx';
import { colours, palettes, panelSizes } from '../../../shared/theme.ts';
import { useTexts } from '../../../shared/use-texts.ts';
import { Choice } from '../../parts/choice.tsx';
import { CommandError } from '../../screen.tsx';
import { Page } from './page.tsx';

const useStyles = makeStyles({
  themes: {
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fit, minmax(max(150px, 9.5rem), 1fr))',
    gap: panelSizes.gap,
    margin: 0,
    padding: 0,
    border: 'none',
    minWidth: 0,
    flexShrink: 0
  },
  legend: { padding: 0, marginBottom: '0.5rem', fontWeight: 600 },
  theme: {
    position: 'relative',
    display: 'flex',
    flexDirection: 'column',
    gap: '0.75rem',
    padding: '0.75rem',
    border: `2px solid ${colours.line}`,
    borderRadius: '1rem',
    backgroundColor: colours.card,
    cursor: 'pointer',
    ':focus-within': { outline: `3px solid ${colours.brandText}`, outlineOffset: '-3px' }
  },
  chosen: { border: `2px solid ${colours.brandText}` },
  radio: { position: 'absolute', inset: 0, width: '100%', height: '100%', margin: 0, opacity: 0, cursor: 'inherit' },
  name: { display: 'flex', alignItems: 'center', gap: '0.5rem', minHeight: '1.6em', fontWeight: 600, overflowWrap: 'anywhere' },
  tick: { color: colours.brandText, fontSize: '1.4em', lineHeight: 0, flexShrink: 0 },
  picture: { display: 'flex', flexDirection: 'column', gap: '0.5rem', height: '6.5rem', padding: '0.75rem', borderRadius: '0.6rem', border: '1px solid' },
  line: { height: '0.5rem', borderRadius: '0.25rem' },
  pill: { width: '46%', height: '1.6rem', marginTop: 'auto', borderRadius: '0.5rem', border: '2px solid' }
});

export function AppearancePage({ state: { settings } }: { readonly state: RoomState }) {
  const styles = useStyles();
  const t = useTexts();
  const { run, error } = useCommand();
  const group = useId();
  return (
    <Page testId="settings-appearance" title={t('settings.page.appearance')}>
      <fieldset className={styles.themes} data-testid="choice-theme">
        <legend className={styles.legend}>{t('appearance.theme')}</legend>
        {THEMES.map((theme) => (
          <label key={theme} className={mergeClasses(styles.theme, theme === settings.theme && styles.chosen)}>
            <ThemePicture theme={theme} />
            <span className={styles.name}>
              {t(`appearance.theme.${theme}`)}
              {theme === settings.theme ? (
                <span className={styles.tick} aria-hidden="true">
                  <CheckmarkCircleFilled />
                </span>
              ) : null}
            </span>
            <input
              type="radio"
              data-testid={`choice-theme-${theme}`}
              className={styles.radio}
              name={group}
              value={theme}
              checked={theme === settings.theme}
              onChange={() => void run('theme', '/api/v1/settings', { theme }, 'PATCH')}
            />
          </label>
        ))}
      </fieldset>
      <Choice
        testId="choice-text-size"
        label={t('appearance.textSize')}
        options={TEXT_SIZES.map((value) => ({ value, label: t(`appearance.textSize.${value}`) }))}
        value={settings.textSize}
        onChange={(textSize) => void run('text-size', '/api/v1/settings', { textSize }, 'PATCH')}
      />
      <CommandError error={error} />
    </Page>
  );
}

/** The theme's own colours, whatever the page's are. */
function ThemePicture({ theme }: { readonly theme: ThemeName }) {
  const styles = useStyles();
  const palette = palettes[theme];
  const edge = palette.edgeBrand === 'transparent' ? palette.brand : palette.edgeBrand;
  return (
    <span className={styles.picture} style={{ backgroundColor: palette.ground, borderColor: palette.line }} aria-hidden="true">
      <span className={styles.line} style={{ width: '72%', backgroundColor: palette.text }} />
      <span className={styles.line} style={{ width: '50%', backgroundColor: palette.quiet }} />
      <span className={styles.pill} style={{ backgroundColor: palette.brand, borderColor: edge }} />
    </span>
  );
}
