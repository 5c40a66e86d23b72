// How well the network carries the call: four calm bars and a word, and behind them the figures as they were measured.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { useState } from 'react';
import type { MediaFlow, MediaView } from '../../room/state.ts';
import { colours, panelSizes } from '../shared/theme.ts';
import { useTexts } from '../shared/use-texts.ts';
import type { Texts } from '../texts/texts.ts';
import { QUALITIES, type Quality, qualityOf } from './network-quality.ts';
import { Sheet } from './parts/sheet.tsx';
import { TouchButton } from './touch-button.tsx';

const useStyles = makeStyles({
  button: {
    display: 'flex',
    alignItems: 'center',
    gap: '0.75rem',
    minHeight: panelSizes.target,
    minWidth: panelSizes.target,
    padding: '0.25rem 1rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '0.75rem',
    backgroundColor: 'transparent',
    color: colours.text,
    fontFamily: 'inherit',
    fontSize: panelSizes.text,
    cursor: 'pointer',
    ':active': { backgroundColor: colours.raised },
    ':focus-visible': { outline: `3px solid ${colours.brandText}` }
  },
  bars: { display: 'flex', alignItems: 'flex-end', gap: '3px', flexShrink: 0 },
  bar: { width: '6px', borderRadius: '2px', border: `1px solid ${colours.quiet}` },
  well: { backgroundColor: colours.good, border: `1px solid ${colours.good}` },
  fair: { backgroundColor: colours.warning, border: `1px solid ${colours.warning}` },
  poor: { backgroundColor: colours.bad, border: `1px solid ${colours.bad}` },
  hint: { margin: 0, fontSize: panelSizes.large },
  figures: {
    display: 'grid',
    gridTemplateColumns: 'minmax(0, auto) minmax(0, 1fr)',
    columnGap: '2rem',
    rowGap: '0.4rem',
    margin: 0,
    fontVariantNumeric: 'tabular-nums'
  },
  name: { color: colours.quiet },
  value: { margin: 0, textAlign: 'end' }
});

const BAR_HEIGHTS_PX = [9, 15, 21, 27] as const;

type NetworkQualityProps = {
  readonly media: MediaView;
  /** To whom, where it is not the only one. */
  readonly to?: string;
  readonly testId?: string;
};

export function NetworkQuality({ media, to, testId = 'button-network' }: NetworkQualityProps) {
  const styles = useStyles();
  const t = useTexts();
  const [open, setOpen] = useState(false);
  const quality = qualityOf(media);
  const word = t(`inCall.quality.${quality ?? 'unknown'}`);
  return (
    <>
      <button
        type="button"
        data-testid={testId}
        data-quality={quality ?? 'unknown'}
        className={styles.button}
        aria-label={to === undefined ? t('inCall.quality.name', { quality: word }) : t('conference.networkName', { quality: word, name: to })}
        onClick={() => setOpen(true)}
      >
        <Bars quality={quality} />
        {word}
      </button>
      {open ? (
        <Sheet
          testId="sheet-network"
          title={to === undefined ? t('inCall.quality.title') : t('conference.network', { name: to })}
          onClose={() => setOpen(false)}
          buttons={<TouchButton testId="button-network-done" label={t('action.done')} tone="brand" onTouch={() => setOpen(false)} />}
        >
          <p className={styles.hint}>
            {word}. {t(`inCall.quality.${quality ?? 'unknown'}Hint`)}
          </p>
          <Figures media={media} />
        </Sheet>
      ) : null}
    </>
  );
}

function Bars({ quality }: { readonly quality: Quality | null }) {
  const styles = useStyles();
  const lit = quality === null ? 0 : QUALITIES.indexOf(quality) + 1;
  const tone = quality === 'poor' ? styles.poor : quality === 'fair' ? styles.fair : styles.well;
  return (
    <span className={styles.bars} aria-hidden="true">
      {BAR_HEIGHTS_PX.map((height, index) => (
        <span key={height} className={mergeClasses(styles.bar, index < lit && tone)} style={{ height: `${height}px` }} />
      ))}
    </span>
  );
}

function Figures({ media }: { readonly media: MediaView }) {
  const styles = useStyles();
  const t = useTexts();
  return (
    <dl className={styles.figures} data-testid="network-figures">
      {figuresOf(media, t).map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt className={styles.name}>{name}</dt>
          <dd className={styles.value} dir="auto">
            {value}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function figuresOf(media: MediaView, t: Texts): readonly (readonly [name: string, value: string])[] {
  const { bandwidth, roundTripMs, video, screen, audio } = media;
  return [
    [t('figures.picture'), pictureText(video, t)],
    ...(screen.receiving ? [[t('figures.shared'), pictureText(screen, t)] as const] : []),
    [t('figures.sound'), audio.receiving ? rateText(audio.bitrateKbps, t) : t('figures.none')],
    ...(video.sending ? [[t('inCall.figure.sent'), rateText(video.sendKbps, t)] as const] : []),
    [t('figures.roundTrip'), roundTripMs === null ? '–' : `${t.number(Math.round(roundTripMs))} ms`],
    [t('figures.lost'), t.number(audio.lost + video.lost + screen.lost)],
    ...(bandwidth === null
      ? []
      : ([
          [t('inCall.figure.loss'), t.number(bandwidth.lossPercent / 100, { style: 'percent', maximumFractionDigits: 1 })],
          [t('inCall.figure.carries'), rateText(bandwidth.targetKbps, t)]
        ] as const)),
    ...(video.limited === null && screen.limited === null ? [] : [[t('figures.network'), t('figures.reduced')] as const])
  ];
}

function pictureText(video: MediaFlow, t: Texts): string {
  if (!video.receiving) return t('figures.none');
  return `${video.width}×${video.height}, ${Math.round(video.fps)} fps, ${rateText(video.bitrateKbps, t)}`;
}

function rateText(kbps: number, t: Texts): string {
  return kbps >= 1000 ? `${t.number(kbps / 1000, { minimumFractionDigits: 1, maximumFractionDigits: 1 })} Mbit/s` : `${Math.round(kbps)} kbit/s`;
}
