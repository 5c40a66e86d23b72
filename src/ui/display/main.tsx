// Entry of the front-of-room display's page.
import { createRoot } from 'react-dom/client';
import { createBrowserRoomClient } from '../shared/room-context.tsx';
import { RoomPage } from '../shared/room-page.tsx';
import { DisplayApp } from './display-app.tsx';
import { DisplayFeeds } from './display-feeds.ts';
import type { DisplayStatistics } from './feed.ts';

declare global {
  interface Window {
    /** What the display really shows and plays, for tests and measurements. */
    cloisterDisplay?: {
      /** Of the call in front. */
      readonly statistics: () => DisplayStatistics;
      readonly statisticsOfAll: () => readonly DisplayStatistics[];
    };
  }
}

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no root element');
const client = createBrowserRoomClient();
client.sayWhatItIs('page=display');
const feeds = new DisplayFeeds({
  ticket: async (call) => {
    const outcome = await client.command<{ readonly url: string }>('/api/v1/display/ticket', { call });
    return outcome.ok ? outcome.value.url : null;
  },
  // Only a page that its browser lets play is counted on to ring.
  onSoundAllowed: () => client.sayWhatItIs('page=display&sound=on'),
  canvas: (of, slot) => document.querySelector<HTMLCanvasElement>(`canvas[data-of="${of}"][data-slot="${slot}"]`)
});
client.start();
window.cloisterDisplay = { statistics: () => feeds.statistics(), statisticsOfAll: () => feeds.statisticsOfAll() };
createRoot(root).render(
  <RoomPage client={client}>
    <DisplayApp feeds={feeds} />
  </RoomPage>
);
