// The administrator's PIN: change it.
import { KeyRegular } from '@fluentui/react-icons/svg/key';
import { useTexts } from '../../../shared/use-texts.ts';
import { useAdministrator } from '../../administrator.tsx';
import { TouchButton } from '../../touch-button.tsx';
import { Intro, Page } from './page.tsx';

export function PinPage() {
  const t = useTexts();
  const { changePin } = useAdministrator();
  return (
    <Page
      testId="settings-pin"
      title={t('settings.page.pin')}
      actions={<TouchButton testId="button-change-pin" label={t('pin.changeTitle')} icon={<KeyRegular />} tone="brand" onTouch={changePin} />}
    >
      <Intro>{t('pin.about')}</Intro>
      <Intro>{t('pin.forgotten')}</Intro>
    </Page>
  );
}
