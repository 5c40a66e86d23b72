// Shown while the room does not answer and no call is running.
import { makeStyles, Spinner } from '@fluentui/react-components';
import { colours } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';

const useStyles = makeStyles({
  scene: {
    position: 'absolute',
    inset: 0,
    display: 'flex',
    flexDirection: 'column',
    alignItems: 'center',
    justifyContent: 'center',
    gap: '2.5rem',
    textAlign: 'center'
  },
  title: { margin: 0, fontSize: '4rem', fontWeight: 600 },
  hint: { margin: 0, color: colours.quiet }
});

export function ReconnectingScene() {
  const styles = useStyles();
  const t = useTexts();
  return (
    <div className={styles.scene}>
      <Spinner size="huge" aria-hidden="true" />
      <h1 className={styles.title}>{t('reconnecting.title')}</h1>
      <p className={styles.hint}>{t('reconnecting.display')}</p>
    </div>
  );
}
