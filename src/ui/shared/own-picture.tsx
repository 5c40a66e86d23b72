// This room's own camera on one of its own pages: as a mirror for the self-view, as it is for a camera that is tried. Says so where there is no picture.
// A page mounts it while it wants to show it; nothing is sent to the page otherwise.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { useEffect, useRef, useState } from 'react';
import { openOwnPictureFeed } from './own-picture-feed.ts';
import { useRoomClient } from './room-context.tsx';
import { colours } from './theme.ts';
import { useTexts } from './use-texts.ts';

const useStyles = makeStyles({
  frame: { position: 'relative', width: '100%', aspectRatio: '16 / 9', overflow: 'hidden', borderRadius: '0.75rem', backgroundColor: colours.card },
  canvas: { position: 'absolute', inset: 0, width: '100%', height: '100%', objectFit: 'cover', visibility: 'hidden' },
  visible: { visibility: 'visible' },
  mirrored: { transform: 'scaleX(-1)' },
  none: { position: 'absolute', inset: 0, display: 'grid', placeItems: 'center', padding: '0.5rem', textAlign: 'center', color: colours.quiet }
});

type OwnPictureProps = {
  /** `/api/v1/self-view/ticket` or `/api/v1/devices/preview-ticket`. */
  readonly ticketPath: string;
  /** Another one connects anew: the call's media epoch, or the id of the camera that is tried. */
  readonly of: number | string;
  /** As people know themselves. */
  readonly mirrored?: boolean;
  readonly testId?: string;
};

export function OwnPicture({ ticketPath, of, mirrored = true, testId = 'own-picture' }: OwnPictureProps) {
  const client = useRoomClient();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [live, setLive] = useState(false);
  const styles = useStyles();
  const t = useTexts();
  // biome-ignore lint/correctness/useExhaustiveDependencies: `of` is what makes it another picture
  useEffect(() => {
    setLive(false);
    const feed = openOwnPictureFeed({
      ticket: async () => {
        const outcome = await client.command<{ readonly url: string }>(ticketPath);
        return outcome.ok ? outcome.value.url : null;
      },
      canvas: () => canvas.current,
      onLive: setLive
    });
    return () => feed.close();
  }, [client, ticketPath, of]);
  return (
    <div className={styles.frame} data-testid={testId} data-live={live}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={t('pictures.own')}
        className={mergeClasses(styles.canvas, mirrored && styles.mirrored, live && styles.visible)}
      />
      {live ? null : (
        <div className={styles.none} role="status">
          {t('pictures.none')}
        </div>
      )}
    </div>
  );
}
