// What the room knows of its network: the broker, its own addresses, the relays, the clock.
import type { RoomState } from '../../../../room/state.ts';
import { useNow } from '../../../shared/room-context.tsx';
import { useTexts } from '../../../shared/use-texts.ts';
import { Facts } from './facts.tsx';
import { Intro, Page } from './page.tsx';

export function NetworkPage({ state: { network, health } }: { readonly state: RoomState }) {
  const t = useTexts();
  const now = useNow();
  const relay = health.problems.find(({ code }) => code.startsWith('CL_RELAY_'));
  const since = Date.parse(network.brokerSince);
  return (
    <Page testId="settings-network" title={t('settings.page.network')}>
      <Facts
        testId="facts-network"
        facts={[
          {
            name: t('network.broker'),
            value: t(`network.broker.${network.broker}`),
            severity: network.broker === 'connected' ? 'good' : network.broker === 'connecting' ? 'warning' : 'bad'
          },
          { name: t('network.since'), value: `${t.date(since)}, ${t.clock(since)}` },
          {
            name: t('network.addresses'),
            value: network.addresses.length === 0 ? t('network.noAddress') : network.addresses.join('\n'),
            code: network.addresses.length > 0
          },
          relay === undefined
            ? { name: t('network.relay'), value: t('network.relay.quiet') }
            : { name: t('network.relay'), value: t.problem(relay).text, severity: 'warning' },
          {
            name: t('network.clock'),
            value: `${t.clock(now)} · ${t(`network.clock.${network.clock}`)}`,
            severity: network.clock === 'ok' ? 'good' : 'bad'
          }
        ]}
      />
      <Intro>{t('network.hint')}</Intro>
    </Page>
  );
}
