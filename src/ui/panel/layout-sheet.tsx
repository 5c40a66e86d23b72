// How the display divides itself, and whether it shows this room too. Drawn as it will look, since words for it are long.
import { makeStyles, mergeClasses } from '@fluentui/react-components';
import { LAYOUTS, type Layout } from '../../kernel/panel-choices.ts';
import type { SettingsView } from '../../room/state.ts';
import { useCommand } from '../shared/room-context.tsx';
import { colours, panelSizes } from '../shared/theme.ts';
import { useTexts } from '../shared/use-texts.ts';
import { Sheet } from './parts/sheet.tsx';
import { Toggle } from './parts/toggle.tsx';
import { CommandError } from './screen.tsx';
import { TouchButton } from './touch-button.tsx';

const useStyles = makeStyles({
  layouts: { display: 'grid', gridTemplateColumns: 'repeat(3, minmax(0, 1fr))', gap: panelSizes.gap },
  layout: {
    display: 'flex',
    flexDirection: 'column',
    alignItems: 'center',
    gap: '0.75rem',
    minHeight: panelSizes.target,
    padding: '1rem 0.75rem',
    border: `2px solid ${colours.edge}`,
    borderRadius: '1rem',
    backgroundColor: colours.raised,
    color: colours.text,
    fontFamily: 'inherit',
    fontSize: panelSizes.text,
    fontWeight: 600,
    lineHeight: 1.2,
    overflowWrap: 'anywhere',
    cursor: 'pointer',
    ':active': { backgroundColor: colours.raisedPressed },
    ':focus-visible': { outline: `3px solid ${colours.brandText}`, outlineOffset: '-3px' }
  },
  chosen: {
    border: `2px solid ${colours.edgeBrand}`,
    backgroundColor: colours.brand,
    color: colours.onFill,
    ':active': { backgroundColor: colours.brandPressed }
  },
  drawing: { display: 'block', width: 'min(8rem, 100%)', height: 'auto' }
});

type Rectangle = readonly [x: number, y: number, width: number, height: number];
type Drawn = { readonly rooms: readonly Rectangle[]; readonly shared: Rectangle };

/** Of a display of 32 by 18: the other rooms filled, what is shared in outline. */
const DRAWINGS: Readonly<Record<Layout, Drawn>> = {
  speaker: { rooms: [[1, 1, 30, 16]], shared: [23, 3, 6, 4] },
  content: { rooms: [[24, 3, 6, 4]], shared: [2, 3, 20, 12] },
  'side-by-side': { rooms: [[1, 4, 14, 10]], shared: [17, 4, 14, 10] }
};
const DRAWINGS_OF_THREE: Readonly<Record<Layout, Drawn>> = {
  speaker: {
    rooms: [
      [2, 5, 10, 7],
      [13, 5, 10, 7]
    ],
    shared: [24.5, 5, 5.5, 4]
  },
  content: {
    rooms: [
      [24, 3, 6, 4],
      [24, 9, 6, 4]
    ],
    shared: [2, 3, 20, 12]
  },
  'side-by-side': {
    rooms: [
      [21, 2.5, 9, 6],
      [21, 9.5, 9, 6]
    ],
    shared: [2, 3.5, 17, 11]
  }
};

type LayoutSheetProps = {
  readonly settings: SettingsView;
  /** Three take part: there are two other rooms. */
  readonly three: boolean;
  readonly onClose: () => void;
};

export function LayoutSheet({ settings, three, onClose }: LayoutSheetProps) {
  const styles = useStyles();
  const t = useTexts();
  const command = useCommand();
  const change = (changed: Partial<Pick<SettingsView, 'layout' | 'selfView'>>): void => void command.run('settings', '/api/v1/settings', changed, 'PATCH');
  return (
    <Sheet
      testId="sheet-layout"
      title={t('inCall.layout.title')}
      onClose={onClose}
      buttons={<TouchButton testId="button-layout-done" label={t('action.done')} tone="brand" onTouch={onClose} />}
    >
      <div className={styles.layouts}>
        {LAYOUTS.map((layout) => (
          <button
            key={layout}
            type="button"
            data-testid={`layout-${layout}`}
            aria-pressed={settings.layout === layout}
            className={mergeClasses(styles.layout, settings.layout === layout && styles.chosen)}
            onClick={() => change({ layout })}
          >
            <Drawing drawn={(three ? DRAWINGS_OF_THREE : DRAWINGS)[layout]} className={styles.drawing} />
            {t(three && layout === 'speaker' ? 'conference.layout.speaker' : `inCall.layout.${layout}`)}
          </button>
        ))}
      </div>
      <Toggle
        testId="toggle-self-view"
        label={t('inCall.selfView')}
        hint={t('inCall.selfViewHint')}
        on={settings.selfView}
        onChange={(selfView) => change({ selfView })}
      />
      {command.error === null ? null : <CommandError error={command.error} />}
    </Sheet>
  );
}

function Drawing({ drawn: { rooms, shared }, className }: { readonly drawn: Drawn; readonly className: string }) {
  const [x, y, width, height] = shared;
  const line = { fill: 'none', stroke: 'currentColor', strokeWidth: 1 } as const;
  return (
    <svg viewBox="0 0 32 18" className={className} aria-hidden="true">
      <rect x={0.5} y={0.5} width={31} height={17} rx={1.5} {...line} />
      {rooms.map(([roomX, roomY, roomWidth, roomHeight]) => (
        <rect key={`${roomX} ${roomY}`} x={roomX} y={roomY} width={roomWidth} height={roomHeight} rx={1} fill="currentColor" opacity={0.55} />
      ))}
      <rect x={x} y={y} width={width} height={height} rx={0.7} {...line} />
    </svg>
  );
}
