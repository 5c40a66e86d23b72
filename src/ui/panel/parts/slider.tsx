// A figure between two ends: less, where it stands, more. Two targets a finger always hits, instead of a thumb to drag.
import { makeStyles } from '@fluentui/react-components';
import { AddFilled } from '@fluentui/react-icons/svg/add';
import { SubtractFilled } from '@fluentui/react-icons/svg/subtract';
import { colours, panelSizes } from '../../shared/theme.ts';
import { TouchButton } from '../touch-button.tsx';

const useStyles = makeStyles({
  control: { display: 'flex', alignItems: 'center', gap: '0.75rem', flexShrink: 0 },
  middle: { flexGrow: 1, minWidth: '4.5rem', textAlign: 'center', fontSize: panelSizes.text, fontVariantNumeric: 'tabular-nums', lineHeight: 1.25 },
  label: { color: colours.quiet },
  bar: { height: '8px', marginTop: '6px', borderRadius: '4px', backgroundColor: colours.raised, border: `1px solid ${colours.field}`, overflow: 'hidden' },
  filled: { height: '100%', backgroundColor: colours.brandText }
});

type SliderProps = {
  readonly testId: string;
  readonly label: string;
  readonly value: number;
  readonly least?: number;
  readonly most?: number;
  readonly step?: number;
  /** What stands in the middle: the value in words. */
  readonly words: string;
  readonly lessName: string;
  readonly moreName: string;
  /** Draws how far it is between the ends. */
  readonly bar?: boolean;
  readonly lessDisabled?: boolean;
  readonly moreDisabled?: boolean;
  readonly onChange: (value: number) => void;
};

export function Slider(props: SliderProps) {
  const { testId, label, value, least = 0, most = 100, step = 10, words, lessName, moreName, bar, lessDisabled, moreDisabled, onChange } = props;
  const styles = useStyles();
  const turn = (change: number): void => onChange(Math.min(most, Math.max(least, value + change)));
  return (
    <div className={styles.control} data-testid={testId}>
      <TouchButton
        testId={`button-${testId}-down`}
        label=""
        name={lessName}
        icon={<SubtractFilled />}
        disabled={lessDisabled ?? value <= least}
        onTouch={() => turn(-step)}
      />
      <div className={styles.middle}>
        <div className={styles.label}>{label}</div>
        <output aria-label={label}>{words}</output>
        {bar ? (
          <div className={styles.bar} aria-hidden="true">
            <div className={styles.filled} style={{ width: `${(100 * (value - least)) / (most - least)}%` }} />
          </div>
        ) : null}
      </div>
      <TouchButton
        testId={`button-${testId}-up`}
        label=""
        name={moreName}
        icon={<AddFilled />}
        disabled={moreDisabled ?? value >= most}
        onTouch={() => turn(step)}
      />
    </div>
  );
}
