// The display: one scene, and under it the canvases of the two pictures, which stay for the page's whole life, so that the first frame never
// waits for React. Where they are with a shared screen is content-layout.ts.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { useEffect, useState, useSyncExternalStore } from 'react';
import type { CallView, RoomState, SoundName } from '../../room/state.ts';
import { OwnPicture } from '../shared/own-picture.tsx';
import { useRoom } from '../shared/room-context.tsx';
import { OverPicture } from '../shared/room-page.tsx';
import { colours } from '../shared/theme.ts';
import { useTexts } from '../shared/use-texts.ts';
import { ARRANGEMENTS, type Arrangement, OWN_IN_THE_CORNER } from './content-layout.ts';
import type { DisplayFeed } from './feed.ts';
import { type Scene, sceneOf } from './scene-choice.ts';
import { EndedScene } from './scenes/ended.tsx';
import { IdleScene } from './scenes/idle.tsx';
import { InCallScene } from './scenes/in-call.tsx';
import { ReconnectingScene } from './scenes/reconnecting.tsx';
import { RingingScene } from './scenes/ringing.tsx';

const ENDED_MS = 10_000;
const FAILED_MS = 60_000;

const useStyles = makeStyles({
  display: { position: 'absolute', inset: 0, overflow: 'hidden', backgroundColor: colours.ground, color: colours.text, fontSize: '2.5rem', lineHeight: 1.3 },
  inCall: { backgroundColor: '#000000' },
  canvas: { position: 'absolute', inset: 0, width: '100%', height: '100%', objectFit: 'contain', visibility: 'hidden' },
  visible: { visibility: 'visible' },
  onBlack: { backgroundColor: '#000000' }
});

export function DisplayApp({ feed }: { readonly feed: DisplayFeed }) {
  const view = useRoom();
  const pictureLive = useSyncExternalStore(feed.subscribe, feed.live);
  const screenLive = useSyncExternalStore(feed.subscribe, feed.screenLive);
  const styles = useStyles();
  const t = useTexts();
  const call = view.state?.call ?? null;
  // On hold nothing new comes: what stands on the canvases is not what happens there.
  const held = call?.phase === 'on-hold';
  const live = pictureLive && !held;
  const expiredCall = useExpiredCall(call?.phase === 'ended' ? call.id : null, call?.encryption.state === 'failed');
  const scene = sceneOf(view, expiredCall);
  const shared = screenLive && !held && scene === 'in-call';

  // Nothing is known of the call while the room cannot be reached: the feed stays as it is.
  const epoch = call === null || call.phase === 'ended' ? 0 : call.mediaEpoch;
  const known = view.state !== null;
  useEffect(() => {
    if (known) feed.follow(epoch);
  }, [feed, known, epoch]);

  const arrangement = shared ? ARRANGEMENTS[view.state?.settings.layout ?? 'content'] : null;
  const volume = view.state === null ? null : view.state.devices.speakerMuted ? 0 : view.state.devices.volumePercent;
  useEffect(() => {
    if (volume !== null) feed.setVolume(volume);
  }, [feed, volume]);

  const sound = view.online ? soundHere(view.state) : null;
  const [playing, percent] = [sound?.name ?? null, sound?.percent ?? 0];
  useEffect(() => feed.playTone(playing, percent), [feed, playing, percent]);

  return (
    <main
      data-testid="display-scene"
      data-scene={scene}
      aria-label={t('app.display')}
      className={mergeClasses(styles.display, scene === 'in-call' && styles.inCall)}
    >
      <canvas
        data-testid="remote-video"
        data-of="video"
        className={mergeClasses(styles.canvas, scene === 'in-call' && live && styles.visible)}
        style={arrangement?.camera}
      />
      <canvas
        data-testid="remote-screen"
        data-of="screen"
        className={mergeClasses(styles.canvas, styles.onBlack, shared && styles.visible)}
        style={arrangement?.screen}
      />
      <SceneContent scene={scene} state={view.state} online={view.online} live={live} arrangement={arrangement} />
    </main>
  );
}

/** What this page is to play besides the call. */
function soundHere(state: RoomState | null): { readonly name: SoundName; readonly percent: number } | null {
  if (state === null) return null;
  const { sound, settings, devices } = state;
  if (sound.by !== 'display' || sound.playing === null) return null;
  const volume = devices.speakerMuted ? 0 : devices.volumePercent;
  return { name: sound.playing, percent: sound.playing === 'ringing' ? settings.ringerPercent : volume };
}

type SceneContentProps = {
  readonly scene: Scene;
  readonly state: RoomState | null;
  readonly online: boolean;
  readonly live: boolean;
  readonly arrangement: Arrangement | null;
};

function SceneContent({ scene, state, online, live, arrangement }: SceneContentProps) {
  if (state === null || scene === 'reconnecting') return <ReconnectingScene />;
  const call = state.call;
  if (call === null || scene === 'idle' || scene === 'problem') return <IdleScene state={state} />;
  if (scene === 'ringing') return <RingingScene call={call} />;
  if (scene === 'ended') return <EndedScene call={call} />;
  return (
    <OverPicture>
      <InCallScene state={state} call={call} live={live} online={online} arrangement={arrangement} />
      <SelfView state={state} call={call} arrangement={arrangement} />
    </OverPicture>
  );
}

/** This room's own picture, where people want it and it is sent; a code that was asked for has the display to itself. */
function SelfView({ state, call, arrangement }: { readonly state: RoomState; readonly call: CallView; readonly arrangement: Arrangement | null }) {
  const wanted = state.settings.selfView && !state.display.showsCode;
  if (!wanted || call.phase !== 'connected' || !call.media.video.sending) return null;
  return (
    <div style={arrangement?.own ?? OWN_IN_THE_CORNER}>
      <OwnPicture ticketPath="/api/v1/self-view/ticket" of={call.mediaEpoch} testId="self-view" />
    </div>
  );
}

/** The ended call's id, once it has been shown for as long as it takes to read it. */
function useExpiredCall(endedCall: string | null, failed: boolean): string | null {
  const [expired, setExpired] = useState<string | null>(null);
  useEffect(() => {
    if (endedCall === null) return;
    const timer = window.setTimeout(() => setExpired(endedCall), failed ? FAILED_MS : ENDED_MS);
    return () => window.clearTimeout(timer);
  }, [endedCall, failed]);
  return expired;
}
