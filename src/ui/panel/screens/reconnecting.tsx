// Shown whenever the room does not answer: nothing of the room is shown that may not be so.
import { makeStyles, Spinner } from '@fluentui/react-components';
import { text } from '../../shared/texts.ts';
import { colours, panelSizes } from '../../shared/theme.ts';
import { Screen } from '../screen.tsx';

const useStyles = makeStyles({
  title: { margin: 0, fontSize: panelSizes.title, fontWeight: 600 },
  hint: { margin: 0, maxWidth: '36rem', color: colours.quiet, fontSize: panelSizes.large }
});

export function ReconnectingScreen() {
  const styles = useStyles();
  return (
    <Screen testId="screen-reconnecting" name={text('reconnecting.title')} centred>
      <Spinner size="huge" aria-hidden="true" />
      <h1 className={styles.title}>{text('reconnecting.title')}</h1>
      <p className={styles.hint}>{text('reconnecting.hint')}</p>
    </Screen>
  );
}
