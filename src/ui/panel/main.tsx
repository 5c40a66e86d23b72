// Entry of the touch panel's page.
import { createRoot } from 'react-dom/client';
import { createBrowserRoomClient } from '../shared/room-context.tsx';
import { RoomPage } from '../shared/room-page.tsx';
import { PanelApp } from './panel-app.tsx';

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no root element');
const client = createBrowserRoomClient();
client.start();
createRoot(root).render(
  <RoomPage client={client}>
    <PanelApp />
  </RoomPage>
);
