// The call's measured figures in one quiet line.
import { makeStyles } from '@fluentui/react-components';
import type { MediaFlow, MediaView } from '../../room/state.ts';
import { text } from '../shared/texts.ts';
import { colours, panelSizes } from '../shared/theme.ts';

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
  const figures: readonly (readonly [string, string])[] = [
    [text('figures.picture'), pictureText(media.video)],
    ...(media.screen.receiving ? [[text('figures.shared'), pictureText(media.screen)] as const] : []),
    [text('figures.sound'), media.audio.receiving ? rateText(media.audio.bitrateKbps) : text('figures.none')],
    [text('figures.roundTrip'), media.roundTripMs === null ? '–' : `${Math.round(media.roundTripMs)} ms`],
    [text('figures.lost'), String(media.audio.lost + media.video.lost + media.screen.lost)],
    ...(media.video.limited === null ? [] : [[text('figures.network'), text('figures.reduced')] as const])
  ];
  return (
    <dl className={styles.figures} data-testid="network-figures" aria-label={text('call.network')}>
      {figures.map(([name, value]) => (
        <div key={name} className={styles.figure}>
          <dt>{name}</dt>
          <dd className={styles.value}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function pictureText(video: MediaFlow): string {
  if (!video.receiving) return text('figures.none');
  return `${video.width}×${video.height}, ${Math.round(video.fps)} fps, ${rateText(video.bitrateKbps)}`;
}

function rateText(kbps: number): string {
  return kbps >= 1000 ? `${(kbps / 1000).toFixed(1)} Mbit/s` : `${Math.round(kbps)} kbit/s`;
}
