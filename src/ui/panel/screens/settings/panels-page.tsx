// Panels that are not on this device: which are paired, and their removal.
import { TabletRegular } from '@fluentui/react-icons/svg/tablet';
import type { PanelView } from '../../../../ui-server/port.ts';
import { useTexts } from '../../../shared/use-texts.ts';
import { useProtectedAnswer, useProtectedCommand } from '../../administrator.tsx';
import { ListRow } from '../../parts/list-row.tsx';
import { CommandError } from '../../screen.tsx';
import { TouchButton } from '../../touch-button.tsx';
import { Facts } from './facts.tsx';
import { Intro, Page, Part } from './page.tsx';

export function PanelsPage() {
  const t = useTexts();
  const { answer, error, code, load } = useProtectedAnswer<{ readonly addresses: readonly string[]; readonly panels: readonly PanelView[] }>('/api/v1/panels');
  const command = useProtectedCommand();
  // Without a listener for them there is no such address.
  const off = code === 'CL_NOT_FOUND';
  const trouble = off ? null : (error ?? command.error);
  const remove = async (id: string): Promise<void> => {
    if (await command.run(`remove ${id}`, '/api/v1/panels/remove', { id })) await load();
  };
  return (
    <Page testId="settings-panels" title={t('settings.page.panels')}>
      <Intro>{t(off ? 'panels.off' : 'panels.hint')}</Intro>
      {answer === null || answer.addresses.length === 0 ? null : (
        <Facts testId="panels-addresses" facts={[{ name: t('panels.at'), value: answer.addresses.join(' '), code: true }]} />
      )}
      {trouble === null ? null : <CommandError error={trouble} />}
      <Part>
        {answer?.panels.length === 0 ? <p data-testid="panels-none">{t('panels.none')}</p> : null}
        {answer?.panels.map(({ id, from, pairedAt }) => {
          const at = Date.parse(pairedAt);
          return (
            <ListRow
              key={id}
              testId={`panel-${id}`}
              title={from}
              icon={<TabletRegular />}
              detail={t('panels.paired', { date: t.date(at), time: t.clock(at) })}
              control={
                <TouchButton
                  testId={`remove-panel-${id}`}
                  label={t('panels.remove')}
                  name={`${t('panels.remove')}: ${from}`}
                  disabled={command.pending !== null}
                  onTouch={() => void remove(id)}
                />
              }
            />
          );
        })}
      </Part>
    </Page>
  );
}
