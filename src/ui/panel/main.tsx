// Entry of the touch panel's page.
import { FluentProvider } from '@fluentui/react-components';
import { createRoot } from 'react-dom/client';
import { createBrowserRoomClient, RoomProvider } from '../shared/room-context.tsx';
import { roomTheme } from '../shared/theme.ts';
import { PanelApp } from './panel-app.tsx';

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no root element');
const client = createBrowserRoomClient();
client.start();
createRoot(root).render(
  <FluentProvider theme={roomTheme} style={{ height: '100%' }}>
    <RoomProvider client={client}>
      <PanelApp />
    </RoomProvider>
  </FluentProvider>
);
