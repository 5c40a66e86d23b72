// Settings: the sections at the start side, the chosen one beside them. Which section is open is the finger's; whether an administrator's session
// holds is the room's.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { LockClosedRegular } from '@fluentui/react-icons/svg/lock-closed';
import { LockOpenRegular } from '@fluentui/react-icons/svg/lock-open';
import { type ReactElement, useState } from 'react';
import type { RoomState } from '../../../../room/state.ts';
import { useNow } from '../../../shared/room-context.tsx';
import { colours, panelSizes } from '../../../shared/theme.ts';
import { useTexts } from '../../../shared/use-texts.ts';
import { AdministratorProvider, useAdministrator } from '../../administrator.tsx';
import { Screen } from '../../screen.tsx';
import type { PageName } from '../../screen-choice.ts';
import { TouchButton } from '../../touch-button.tsx';
import { LockedPage } from './locked-page.tsx';
import { ADMINISTRATOR_PAGES, type AdministratorPage, OPEN_PAGES, type OpenPage } from './pages.tsx';

const useStyles = makeStyles({
  halves: {
    flexGrow: 1,
    minHeight: 0,
    display: 'grid',
    gridTemplateColumns: 'minmax(15.5rem, 1fr) minmax(0, 2.8fr)',
    gridTemplateRows: 'minmax(0, 1fr)',
    columnGap: '1.75rem'
  },
  sections: {
    minHeight: 0,
    display: 'flex',
    flexDirection: 'column',
    gap: '8px',
    padding: '4px 0.75rem 1.5rem 4px',
    overflowX: 'hidden',
    overflowY: 'auto',
    overscrollBehavior: 'contain',
    touchAction: 'pan-y',
    scrollbarColor: `${colours.quiet} transparent`,
    maskImage: 'linear-gradient(to bottom, #000000 calc(100% - 1.25rem), transparent)'
  },
  group: {
    display: 'flex',
    alignItems: 'center',
    gap: '0.5rem',
    flexShrink: 0,
    margin: 0,
    padding: '1rem 1rem 0.25rem',
    color: colours.quiet,
    fontSize: panelSizes.text,
    fontWeight: 600
  },
  section: {
    display: 'flex',
    alignItems: 'center',
    gap: '0.9rem',
    flexShrink: 0,
    minHeight: panelSizes.target,
    padding: '0.4rem 1rem',
    border: '2px solid transparent',
    borderRadius: '0.75rem',
    backgroundColor: 'transparent',
    color: colours.text,
    fontFamily: 'inherit',
    fontSize: panelSizes.text,
    lineHeight: 1.25,
    textAlign: 'start',
    overflowWrap: 'anywhere',
    cursor: 'pointer',
    ':active': { backgroundColor: colours.raised },
    ':focus-visible': { outline: `3px solid ${colours.brandText}`, outlineOffset: '-3px' }
  },
  chosen: {
    border: `2px solid ${colours.edgeBrand}`,
    backgroundColor: colours.brand,
    color: colours.onFill,
    fontWeight: 600,
    ':active': { backgroundColor: colours.brandPressed }
  },
  icon: { fontSize: '1.5rem', lineHeight: 0, flexShrink: 0 },
  label: { minWidth: 0 },
  session: { display: 'flex', alignItems: 'center', gap: '0.5rem', color: colours.good, fontSize: panelSizes.text, fontVariantNumeric: 'tabular-nums' }
});

type SettingsScreenProps = { readonly state: RoomState; readonly onOpen: (page: PageName) => void; readonly onBack: () => void };

export function SettingsScreen(props: SettingsScreenProps) {
  return (
    <AdministratorProvider admin={props.state.admin}>
      <Sections {...props} />
    </AdministratorProvider>
  );
}

const isAdministrators = (page: OpenPage | AdministratorPage): page is AdministratorPage => Object.hasOwn(ADMINISTRATOR_PAGES, page);

function Sections({ state, onOpen, onBack }: SettingsScreenProps) {
  const styles = useStyles();
  const t = useTexts();
  const { holds, ask } = useAdministrator();
  const [page, setPage] = useState<OpenPage | AdministratorPage>('language');

  const row = (name: OpenPage | AdministratorPage, icon: ReactElement, onTouch: () => void) => (
    <button
      key={name}
      type="button"
      data-testid={`row-${name}`}
      className={mergeClasses(styles.section, name === page && styles.chosen)}
      {...(name === page ? { 'aria-current': 'page' as const } : {})}
      onClick={onTouch}
    >
      <span className={styles.icon} aria-hidden="true">
        {icon}
      </span>
      <span className={styles.label}>{t(`settings.page.${name}`)}</span>
    </button>
  );

  return (
    <Screen testId="screen-settings" name={t('settings.title')} header={{ title: t('settings.title'), onBack, right: <SessionSign /> }}>
      <div className={styles.halves}>
        <nav className={styles.sections} aria-label={t('settings.sections')} data-testid="settings-sections">
          {Object.entries(OPEN_PAGES).map(([name, { icon }]) => row(name as OpenPage, icon, () => setPage(name as OpenPage)))}
          <h2 className={styles.group}>
            <span className={styles.icon} aria-hidden="true">
              {holds === true ? <LockOpenRegular /> : <LockClosedRegular />}
            </span>
            {t('settings.administrator')}
          </h2>
          {Object.entries(ADMINISTRATOR_PAGES).map(([name, { icon }]) =>
            row(name as AdministratorPage, icon, () => {
              setPage(name as AdministratorPage);
              void ask();
            })
          )}
        </nav>
        {!isAdministrators(page) ? (
          <Shown key={page}>{OPEN_PAGES[page].show(state, onOpen)}</Shown>
        ) : holds === true ? (
          <Shown key={page}>{ADMINISTRATOR_PAGES[page].show(state)}</Shown>
        ) : (
          <LockedPage key={`locked ${page}`} title={t(`settings.page.${page}`)} pinSet={state.admin.pinSet} />
        )}
      </div>
    </Screen>
  );
}

/** A page is made anew whenever another one was open. */
function Shown({ children }: { readonly children: ReactElement }) {
  return children;
}

/** How long the administrator's session still holds, and its end at a touch. */
function SessionSign() {
  const styles = useStyles();
  const t = useTexts();
  const now = useNow();
  const { endsAt, lock } = useAdministrator();
  if (endsAt === null) return null;
  return (
    <>
      <span className={styles.session} data-testid="session-left">
        <span className={styles.icon} aria-hidden="true">
          <LockOpenRegular />
        </span>
        {t('admin.left', { time: t.duration(Date.parse(endsAt) - now) })}
      </span>
      <TouchButton testId="button-lock" label={t('admin.lockNow')} icon={<LockClosedRegular />} onTouch={() => void lock()} />
    </>
  );
}
