// The star beside somebody: a favourite or not, as the room says.
import { makeStyles } from '@fluentui/react-components';
import { StarFilled, StarRegular } from '@fluentui/react-icons/svg/star';
import type { PersonView } from '../../../room/state.ts';
import type { useCommand } from '../../shared/room-context.tsx';
import { colours } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { TouchButton } from '../touch-button.tsx';

const useStyles = makeStyles({
  star: { flexShrink: 0, padding: 0, color: colours.quiet },
  on: { flexShrink: 0, padding: 0, color: colours.warning }
});

type FavouriteStarProps = {
  readonly person: Pick<PersonView, 'account' | 'displayName'>;
  readonly favourites: readonly PersonView[];
  readonly command: ReturnType<typeof useCommand>;
};

export const isFavourite = (favourites: readonly PersonView[], account: string): boolean => favourites.some((favourite) => favourite.account === account);

/** Asks the room to keep somebody as a favourite, or no longer. */
export function toggleFavourite({ person: { account, displayName }, favourites, command }: FavouriteStarProps): void {
  if (isFavourite(favourites, account)) void command.run(`star ${account}`, '/api/v1/favourites/remove', { account });
  else void command.run(`star ${account}`, '/api/v1/favourites', displayName === account ? { account } : { account, displayName });
}

export function FavouriteStar(props: FavouriteStarProps) {
  const { person, favourites, command } = props;
  const styles = useStyles();
  const t = useTexts();
  const on = isFavourite(favourites, person.account);
  return (
    <TouchButton
      testId={`star-${person.account}`}
      label=""
      name={t(on ? 'people.removeFavourite' : 'people.addFavourite', { name: person.displayName })}
      icon={on ? <StarFilled /> : <StarRegular />}
      tone="quiet"
      className={on ? styles.on : styles.star}
      disabled={command.pending !== null}
      onTouch={() => toggleFavourite(props)}
    />
  );
}
