// The room's own words about a problem, below the sentence in the page's language: they are English and name what is concerned.
import { makeStyles } from '@fluentui/react-components';
import { colours } from './theme.ts';

const useStyles = makeStyles({ words: { color: colours.quiet, textAlign: 'start', overflowWrap: 'anywhere' } });

export function TechnicalDetail({ words }: { readonly words: string | null }) {
  const styles = useStyles();
  if (words === null) return null;
  return (
    <div lang="en" dir="ltr" data-testid="technical-detail" className={styles.words}>
      {words}
    </div>
  );
}
