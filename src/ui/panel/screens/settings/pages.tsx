// All pages of the settings. A new one is a file beside this one, a line here, and its name in the texts.
import { AlertRegular } from '@fluentui/react-icons/svg/alert';
import { ArchiveRegular } from '@fluentui/react-icons/svg/archive';
import { BroomRegular } from '@fluentui/react-icons/svg/broom';
import { BugRegular } from '@fluentui/react-icons/svg/bug';
import { BuildingRegular } from '@fluentui/react-icons/svg/building';
import { CertificateRegular } from '@fluentui/react-icons/svg/certificate';
import { ColorRegular } from '@fluentui/react-icons/svg/color';
import { DesktopRegular } from '@fluentui/react-icons/svg/desktop';
import { DocumentTextRegular } from '@fluentui/react-icons/svg/document-text';
import { InfoRegular } from '@fluentui/react-icons/svg/info';
import { KeyRegular } from '@fluentui/react-icons/svg/key';
import { LocalLanguageRegular } from '@fluentui/react-icons/svg/local-language';
import { MicRegular } from '@fluentui/react-icons/svg/mic';
import { NetworkCheckRegular } from '@fluentui/react-icons/svg/network-check';
import { PersonProhibitedRegular } from '@fluentui/react-icons/svg/person-prohibited';
import { PowerRegular } from '@fluentui/react-icons/svg/power';
import { SettingsRegular } from '@fluentui/react-icons/svg/settings';
import { ShieldLockRegular } from '@fluentui/react-icons/svg/shield-lock';
import { TabletRegular } from '@fluentui/react-icons/svg/tablet';
import type { ReactElement } from 'react';
import type { RoomState } from '../../../../room/state.ts';
import type { PageName } from '../../screen-choice.ts';
import { AboutPage } from './about-page.tsx';
import { AppearancePage } from './appearance-page.tsx';
import { BlockedPage } from './blocked-page.tsx';
import { CertificatePage } from './certificate-page.tsx';
import { ClearPage } from './clear-page.tsx';
import { DefaultsPage } from './defaults-page.tsx';
import { DevicesPage } from './devices-page.tsx';
import { EncryptionPage } from './encryption-page.tsx';
import { LanguagePage } from './language-page.tsx';
import { LogsPage } from './logs-page.tsx';
import { NetworkPage } from './network-page.tsx';
import { PanelsPage } from './panels-page.tsx';
import { PicturePage } from './picture-page.tsx';
import { PinPage } from './pin-page.tsx';
import { ReportPage } from './report-page.tsx';
import { ReportsPage } from './reports-page.tsx';
import { RestartPage } from './restart-page.tsx';
import { SoundPage } from './sound-page.tsx';
import { ThisRoomPage } from './this-room-page.tsx';

type SettingsPage = { readonly icon: ReactElement; readonly show: (state: RoomState, onOpen: (page: PageName) => void) => ReactElement };

/** For anybody at the panel, in this order. */
export const OPEN_PAGES = {
  language: { icon: <LocalLanguageRegular />, show: (state) => <LanguagePage state={state} /> },
  appearance: { icon: <ColorRegular />, show: (state) => <AppearancePage state={state} /> },
  sound: { icon: <AlertRegular />, show: (state) => <SoundPage state={state} /> },
  picture: { icon: <DesktopRegular />, show: (state) => <PicturePage state={state} /> },
  devices: { icon: <MicRegular />, show: (state, onOpen) => <DevicesPage state={state} onCamera={() => onOpen('camera')} /> },
  network: { icon: <NetworkCheckRegular />, show: (state) => <NetworkPage state={state} /> },
  room: { icon: <BuildingRegular />, show: (state) => <ThisRoomPage state={state} /> },
  certificate: { icon: <CertificateRegular />, show: (state) => <CertificatePage state={state} /> },
  report: { icon: <BugRegular />, show: () => <ReportPage /> },
  clear: { icon: <BroomRegular />, show: () => <ClearPage /> },
  about: { icon: <InfoRegular />, show: (state) => <AboutPage state={state} /> }
} as const satisfies Readonly<Record<string, SettingsPage>>;

/** Behind the administrator's PIN. */
export const ADMINISTRATOR_PAGES = {
  defaults: { icon: <SettingsRegular />, show: (state) => <DefaultsPage state={state} /> },
  encryption: { icon: <ShieldLockRegular />, show: (state) => <EncryptionPage state={state} /> },
  blocked: { icon: <PersonProhibitedRegular />, show: () => <BlockedPage /> },
  logs: { icon: <DocumentTextRegular />, show: () => <LogsPage /> },
  reports: { icon: <ArchiveRegular />, show: () => <ReportsPage /> },
  panels: { icon: <TabletRegular />, show: () => <PanelsPage /> },
  pin: { icon: <KeyRegular />, show: () => <PinPage /> },
  restart: { icon: <PowerRegular />, show: () => <RestartPage /> }
} as const satisfies Readonly<Record<string, SettingsPage>>;

export type OpenPage = keyof typeof OPEN_PAGES;
export type AdministratorPage = keyof typeof ADMINISTRATOR_PAGES;
