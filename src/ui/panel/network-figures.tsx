// The call's measured figures in one quiet line.
import { makeStyles } from '@fluentui/react-components';
import type { MediaFlow, MediaView } from '../../room/state.ts';
import { colours, panelSizes } from '../shared/theme.ts';
import { useTexts } from '../shared/use-texts.ts';
import type { Texts } from '../texts/texts.ts';

const useStyles = makeStyles({
  figures: {
    display: 'flex',
    flexWrap: 'wrap',
    justifyContent: 'center',
    columnGap: '2rem',
    margin: 0,
    minHeight: '1.6em',
    color: colours.quiet,
    fontSize: panelSizes.text,
    fontVariantNumeric: 'tabular-nums'
  },
  figure: { display: 'flex', gap: '0.5em' },
  value: { margin: 0, color: colours.text }
});

export function NetworkFigures({ media }: { readonly media: MediaView }) {
  const styles = useStyles();
  const t = useTexts();
  const figures: readonly (readonly [string, string])[] = [
    [t('figures.picture'), pictureText(media.video, t)],
    ...(media.screen.receiving ? [[t('figures.shared'), pictureText(media.screen, t)] as const] : []),
    [t('figures.sound'), media.audio.receiving ? rateText(media.audio.bitrateKbps, t) : t('figures.none')],
    [t('figures.roundTrip'), media.roundTripMs === null ? '–' : `${Math.round(media.roundTripMs)} ms`],
    [t('figures.lost'), t.number(media.audio.lost + media.video.lost + media.screen.lost)],
    ...(media.video.limited === null ? [] : [[t('figures.network'), t('figures.reduced')] as const])
  ];
  return (
    <dl className={styles.figures} data-testid="network-figures" aria-label={t('call.network')}>
      {figures.map(([name, value]) => (
        <div key={name} className={styles.figure}>
          <dt>{name}</dt>
          <dd className={styles.value} dir="auto">
            {value}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function pictureText(video: MediaFlow, t: Texts): string {
  if (!video.receiving) return t('figures.none');
  return `${video.width}×${video.height}, ${Math.round(video.fps)} fps, ${rateText(video.bitrateKbps, t)}`;
}

function rateText(kbps: number, t: Texts): string {
  return kbps >= 1000 ? `${t.number(kbps / 1000, { minimumFractionDigits: 1, maximumFractionDigits: 1 })} Mbit/s` : `${Math.round(kbps)} kbit/s`;
}
