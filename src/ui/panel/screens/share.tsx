// What can be shared, as cards by kind. Nothing begins before one is touched; the present one is marked as the room says it, not as it was touched.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { ArrowClockwiseRegular } from '@fluentui/react-icons/svg/arrow-clockwise';
import { DesktopRegular } from '@fluentui/react-icons/svg/desktop';
import { PlugConnectedRegular } from '@fluentui/react-icons/svg/plug-connected';
import { ShareScreenStopFilled } from '@fluentui/react-icons/svg/share-screen-stop';
import { SlideLayoutRegular } from '@fluentui/react-icons/svg/slide-layout';
import { WindowRegular } from '@fluentui/react-icons/svg/window';
import { type ReactElement, useCallback, useEffect, useState } from 'react';
import type { CallView, RoomState } from '../../../room/state.ts';
import type { ShareSource } from '../../../ui-server/port.ts';
import { remotesOf, sendingOf } from '../../shared/conference.ts';
import { useCommand } from '../../shared/room-context.tsx';
import { colours, panelSizes } from '../../shared/theme.ts';
import { useTexts } from '../../shared/use-texts.ts';
import { RecordingNotice } from '../call-notices.tsx';
import { CommandError, Screen } from '../screen.tsx';
import { TouchButton } from '../touch-button.tsx';

const useStyles = makeStyles({
  hint: { margin: 0, color: colours.quiet, fontSize: panelSizes.large },
  group: { display: 'flex', flexDirection: 'column', gap: '0.5rem', flexShrink: 0 },
  kind: { margin: 0, color: colours.quiet, fontSize: panelSizes.text, fontWeight: 600 },
  cards: { display: 'grid', gridTemplateColumns: 'repeat(auto-fill, minmax(min(20rem, 100%), 1fr))', gap: panelSizes.gap },
  card: {
    display: 'flex',
    alignItems: 'center',
    gap: '1.25rem',
    minHeight: 'max(88px, 6rem)',
    padding: '0.75rem 1.5rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '1rem',
    backgroundColor: colours.card,
    color: colours.text,
    fontFamily: 'inherit',
    fontSize: panelSizes.large,
    fontWeight: 600,
    lineHeight: 1.25,
    textAlign: 'start',
    cursor: 'pointer',
    ':active': { backgroundColor: colours.raised },
    ':disabled': { color: colours.quiet, cursor: 'default' },
    ':focus-visible': { outline: `3px solid ${colours.brandText}`, outlineOffset: '-3px' }
  },
  present: {
    border: `2px solid ${colours.edgeBrand}`,
    backgroundColor: colours.brand,
    color: colours.onFill,
    ':active': { backgroundColor: colours.brandPressed },
    ':disabled': { color: colours.onFill }
  },
  icon: { fontSize: '2.25rem', lineHeight: 0, flexShrink: 0 },
  words: { minWidth: 0, overflowWrap: 'anywhere' },
  now: { display: 'block', fontSize: panelSizes.text, fontWeight: 400 },
  stop: { alignSelf: 'flex-start', flexShrink: 0 },
  none: { display: 'flex', flexDirection: 'column', alignItems: 'center', justifyContent: 'center', gap: '1.5rem', flexGrow: 1, textAlign: 'center' }
});

const KINDS = ['screen', 'window', 'input', 'other'] as const;
type Kind = (typeof KINDS)[number];

const ICONS: Readonly<Record<Kind, ReactElement>> = {
  screen: <DesktopRegular />,
  window: <WindowRegular />,
  input: <PlugConnectedRegular />,
  other: <SlideLayoutRegular />
};

const kindOf = ({ kind }: ShareSource): Kind => (kind === 'test' || kind === 'file' ? 'other' : kind);

type ShareScreenProps = { readonly call: CallView; readonly state: RoomState; readonly onBack: () => void };

export function ShareScreen({ call, state, onBack }: ShareScreenProps) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const { get } = command;
  const [sources, setSources] = useState<readonly ShareSource[] | null>(null);
  const look = useCallback(async () => {
    const answer = await get<{ readonly sources: readonly ShareSource[] }>('/api/v1/share-sources');
    setSources(answer?.sources ?? []);
  }, [get]);
  useEffect(() => void look(), [look]);
  const remotes = remotesOf(call, state);
  const { wanted } = call.media;
  const shared = sendingOf(remotes).screen;
  const possible = call.phase === 'connected' && !call.encryption.securingAgain;
  const present = shared ? (state.devices.screen?.name ?? null) : null;

  async function share(source: ShareSource): Promise<void> {
    if (await command.act(call, 'share', { source: source.id })) onBack();
  }

  return (
    <Screen
      testId="screen-share"
      name={t('inCall.share.title')}
      header={{
        title: t('inCall.share.title'),
        onBack,
        right: (
          <TouchButton
            testId="button-look-again"
            label={t('inCall.share.again')}
            icon={<ArrowClockwiseRegular />}
            disabled={command.pending !== null}
            onTouch={() => void look()}
          />
        )
      }}
      scrolls
    >
      <RecordingNotice call={call} />
      {shared || wanted.screen ? (
        <TouchButton
          testId="button-stop-sharing"
          label={t('call.stopSharing')}
          icon={<ShareScreenStopFilled />}
          tone="end"
          className={styles.stop}
          disabled={command.pending !== null}
          onTouch={() => void command.act(call, 'stop-sharing')}
        />
      ) : null}
      {command.error === null ? null : <CommandError error={command.error} />}
      {sources === null ? <p className={styles.hint}>{t('inCall.share.looking')}</p> : null}
      {sources?.length === 0 ? (
        <div className={styles.none} data-testid="share-none">
          <p className={styles.hint}>{t('inCall.share.none')}</p>
        </div>
      ) : null}
      {sources !== null && sources.length > 0 ? <p className={styles.hint}>{t(remotes.length === 2 ? 'conference.shareHint' : 'inCall.share.hint')}</p> : null}
      {KINDS.map((kind) => {
        const own = sources?.filter((source) => kindOf(source) === kind) ?? [];
        if (own.length === 0) return null;
        return (
          <section key={kind} className={styles.group} aria-label={t(`inCall.share.${kind}`)}>
            <h2 className={styles.kind}>{t(`inCall.share.${kind}`)}</h2>
            <div className={styles.cards}>
              {own.map((source) => (
                <button
                  key={source.id}
                  type="button"
                  data-testid={`source-${source.id}`}
                  className={mergeClasses(styles.card, source.name === present && styles.present)}
                  aria-pressed={source.name === present}
                  disabled={!possible || command.pending !== null}
                  onClick={() => void share(source)}
                >
                  <span className={styles.icon} aria-hidden="true">
                    {ICONS[kind]}
                  </span>
                  <span className={styles.words}>
                    {source.name}
                    {source.name === present ? <span className={styles.now}>{t('inCall.share.now')}</span> : null}
                  </span>
                </button>
              ))}
            </div>
          </section>
        );
      })}
    </Screen>
  );
}
