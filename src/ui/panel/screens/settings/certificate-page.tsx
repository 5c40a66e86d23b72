// How long this room's certificate still holds, and whether the clock is right that it is measured by.
import { makeStyles } from '@fluentui/react-components';
import type { CertificateView, RoomState } from '../../../../room/state.ts';
import { useNow } from '../../../shared/room-context.tsx';
import { colours, panelSizes } from '../../../shared/theme.ts';
import { useTexts } from '../../../shared/use-texts.ts';
import { Facts } from './facts.tsx';
import { Card, Intro, Page } from './page.tsx';
import { validityOf } from './validity.ts';

const useStyles = makeStyles({
  days: { fontSize: panelSizes.title, fontWeight: 600, lineHeight: 1.2 },
  good: { color: colours.good },
  warning: { color: colours.warning },
  bad: { color: colours.bad },
  bar: { height: '14px', borderRadius: '7px', border: `1px solid ${colours.field}`, backgroundColor: colours.raised, overflow: 'hidden' },
  left: { height: '100%', backgroundColor: 'currentColor' },
  ends: { display: 'flex', flexWrap: 'wrap', justifyContent: 'space-between', columnGap: '2rem', color: colours.quiet }
});

export function CertificatePage({ state: { certificate, network } }: { readonly state: RoomState }) {
  const t = useTexts();
  const now = useNow();
  return (
    <Page testId="settings-certificate" title={t('settings.page.certificate')}>
      <Validity certificate={certificate} now={now} />
      <Facts
        testId="facts-certificate"
        facts={[
          { name: t('certificate.subject'), value: certificate.subject, code: true },
          { name: t('certificate.issuer'), value: certificate.issuer, code: true },
          { name: t('certificate.thumbprint'), value: certificate.thumbprint.replace(/(.{4})(?=.)/g, '$1 '), code: true },
          { name: t('network.clock'), value: t(`network.clock.${network.clock}`), severity: network.clock === 'ok' ? 'good' : 'bad' }
        ]}
      />
      <Intro>{t('certificate.hint')}</Intro>
    </Page>
  );
}

function Validity({ certificate, now }: { readonly certificate: CertificateView; readonly now: number }) {
  const styles = useStyles();
  const t = useTexts();
  const { daysLeft, partLeft, severity } = validityOf(certificate, now);
  const day = (instant: string): string => new Date(instant).toISOString().slice(0, 10);
  return (
    <Card className={styles[severity]}>
      <div className={styles.days} data-testid="certificate-days" data-severity={severity}>
        {daysLeft < 0 ? t('certificate.expired') : t('certificate.days', { days: t.number(daysLeft) })}
      </div>
      <div className={styles.bar} aria-hidden="true">
        <div className={styles.left} style={{ width: `${100 * partLeft}%` }} />
      </div>
      <div className={styles.ends}>
        <span>{t('certificate.from', { date: day(certificate.notBefore) })}</span>
        <span>{t('certificate.until', { date: day(certificate.notAfter) })}</span>
      </div>
    </Card>
  );
}
