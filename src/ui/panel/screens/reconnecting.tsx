// Shown whenever the room does not answer: nothing of the room is shown that may not be so.
import { makeStyles, Spinner } from '@fluentui/react-components';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { Screen } from '../screen.tsx';

const useStyles = makeStyles({
  title: { margin: 0, fontSize: panelSizes.title, fontWeight: 600 },
  hint: { margin: 0, maxWidth: '36rem', color: colours.quiet, fontSize: panelSizes.large }
});

export function ReconnectingScreen() {
  const styles = useStyles();
  const t = useTexts();
  return (
    <Screen testId="screen-reconnecting" name={t('reconnecting.title')} centred>
      <Spinner size="huge" aria-hidden="true" />
      <h1 className={styles.title}>{t('reconnecting.title')}</h1>
      <p className={styles.hint}>{t('reconnecting.hint')}</p>
    </Screen>
  );
}
