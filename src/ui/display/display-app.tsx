// The display: one scene, and under it the canvases of the calls' pictures, two of each kind, which stay for the page's whole life, so that the first
// frame never waits for React and none begins anew because another call comes or goes. Where they are is content-layout.ts, whose they are slots.ts.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { useEffect, useState, useSyncExternalStore } from 'react';
import type { CallView, RoomState, SoundName } from '../../room/state.ts';
import { type Remotes, remotesOf } from '../shared/conference.ts';
import { OwnPicture } from '../shared/own-picture.tsx';
import { useRoom } from '../shared/room-context.tsx';
import { OverPicture } from '../shared/room-page.tsx';
import { colours } from '../shared/theme.ts';
import { useTexts } from '../shared/use-texts.ts';
import { type Arrangement, arrangementOf, type Box } from './content-layout.ts';
import type { DisplayPictures, SlotView } from './display-feeds.ts';
import { type Scene, sceneOf } from './scene-choice.ts';
import { EndedScene } from './scenes/ended.tsx';
import { IdleScene } from './scenes/idle.tsx';
import { InCallScene } from './scenes/in-call.tsx';
import { ReconnectingScene } from './scenes/reconnecting.tsx';
import { RingingScene } from './scenes/ringing.tsx';
import { latestScreen } from './slots.ts';

const ENDED_MS = 10_000;
const FAILED_MS = 60_000;

const useStyles = makeStyles({
  display: { position: 'absolute', inset: 0, overflow: 'hidden', backgroundColor: colours.ground, color: colours.text, fontSize: '2.5rem', lineHeight: 1.3 },
  inCall: { backgroundColor: '#000000' },
  canvas: {
    objectFit: 'contain',
    visibility: 'hidden',
    transitionProperty: 'top, inset-inline-start, width, height',
    transitionDuration: '300ms',
    transitionTimingFunction: 'ease-out'
  },
  visible: { visibility: 'visible' },
  onBlack: { backgroundColor: '#000000' },
  card: { borderRadius: '0.75rem' }
});

export function DisplayApp({ feeds }: { readonly feeds: DisplayPictures }) {
  const view = useRoom();
  const slots = useSyncExternalStore(feeds.subscribe, feeds.view);
  const styles = useStyles();
  const t = useTexts();
  const call = view.state?.call ?? null;
  const expiredCall = useExpiredCall(call?.phase === 'ended' ? call.id : null, call?.encryption.state === 'failed');
  const scene = sceneOf(view, expiredCall);
  const remotes: Remotes | readonly [] = call === null || view.state === null ? [] : remotesOf(call, view.state);
  const pictures = picturesOf(slots, scene === 'in-call' ? remotes : []);
  const settings = view.state?.settings;
  const arrangement = arrangementOf({
    people: remotes.length === 2 ? 2 : 1,
    shared: pictures.screenSlot !== null,
    layout: settings?.layout ?? 'content',
    own: settings?.selfView ?? false
  });

  // Nothing is known of the calls while the room cannot be reached: the feeds stay as they are.
  const known = view.state !== null;
  const followed = remotes.flatMap(({ id, phase, mediaEpoch }) => (phase === 'ended' || mediaEpoch === 0 ? [] : [{ call: id, mediaEpoch }]));
  const followedNow = JSON.stringify(followed);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the same calls are another list with each new state
  useEffect(() => {
    if (known) feeds.follow(followed);
  }, [feeds, known, followedNow]);

  const volume = view.state === null ? null : view.state.devices.speakerMuted ? 0 : view.state.devices.volumePercent;
  useEffect(() => {
    if (volume !== null) feeds.setVolume(volume);
  }, [feeds, volume]);

  const sound = view.online ? soundHere(view.state) : null;
  const [playing, percent] = [sound?.name ?? null, sound?.percent ?? 0];
  useEffect(() => feeds.playTone(playing, percent), [feeds, playing, percent]);

  return (
    <main
      data-testid="display-scene"
      data-scene={scene}
      aria-label={t('app.display')}
      className={mergeClasses(styles.display, scene === 'in-call' && styles.inCall)}
    >
      {slots.map(({ call: shown }, slot) => {
        const index = remotes.findIndex(({ id }) => id === shown);
        const person = arrangement.people[index] ?? arrangement.people[0];
        const live = pictures.live[index] === true;
        return (
          <canvas
            // biome-ignore lint/suspicious/noArrayIndexKey: the canvases are what stays
            key={slot}
            data-testid={slot === 0 ? 'remote-video' : 'remote-video-2'}
            data-of="video"
            data-slot={slot}
            className={mergeClasses(styles.canvas, remotes.length === 2 && styles.card, live && styles.visible)}
            style={person?.camera}
          />
        );
      })}
      {slots.map((_, slot) => {
        const visible = slot === pictures.screenSlot;
        return (
          <canvas
            // biome-ignore lint/suspicious/noArrayIndexKey: the canvases are what stays
            key={slot}
            data-testid={slot === 0 ? 'remote-screen' : 'remote-screen-2'}
            data-of="screen"
            data-slot={slot}
            className={mergeClasses(styles.canvas, styles.onBlack, visible && styles.visible)}
            style={arrangement.screen ?? arrangement.people[0]?.camera}
          />
        );
      })}
      <SceneContent scene={scene} state={view.state} online={view.online} pictures={pictures} arrangement={arrangement} />
    </main>
  );
}

/** What of the calls is on the canvases. */
export type Pictures = {
  /** Of each of the remotes, in their order. */
  readonly live: readonly boolean[];
  /** The canvas with the shared screen that is shown. */
  readonly screenSlot: number | null;
};

/** On hold nothing new comes: what stands on the canvases is not what happens there. */
function picturesOf(slots: readonly SlotView[], remotes: readonly CallView[]): Pictures {
  const shows = (id: string | null): boolean => remotes.some((call) => call.id === id && call.phase !== 'on-hold');
  return {
    live: remotes.map(({ id }) => shows(id) && slots.some(({ call, live }) => call === id && live)),
    screenSlot: latestScreen(slots.map(({ call, screenSince }) => (shows(call) ? screenSince : null)))
  };
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
  readonly pictures: Pictures;
  readonly arrangement: Arrangement;
};

function SceneContent({ scene, state, online, pictures, arrangement }: SceneContentProps) {
  if (state === null || scene === 'reconnecting') return <ReconnectingScene />;
  const call = state.call;
  if (call === null || scene === 'idle' || scene === 'problem') return <IdleScene state={state} />;
  if (scene === 'ringing') return <RingingScene call={call} />;
  if (scene === 'ended') return <EndedScene call={call} />;
  return (
    <OverPicture>
      <InCallScene state={state} remotes={remotesOf(call, state)} live={pictures.live} online={online} arrangement={arrangement} />
      <SelfView state={state} call={call} place={arrangement.own} />
    </OverPicture>
  );
}

/** This room's own picture, where people want it and it is sent; a code that was asked for has the display to itself. */
function SelfView({ state, call, place }: { readonly state: RoomState; readonly call: CallView; readonly place: Box }) {
  const wanted = state.settings.selfView && !state.display.showsCode;
  if (!wanted || call.phase !== 'connected' || !call.media.video.sending) return null;
  return (
    <div style={place}>
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
