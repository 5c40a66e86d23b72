// The display in the gallery.
import { DisplayApp } from '../../src/ui/display/display-app.tsx';
import { PaintedFeed } from './painted-feed.ts';
import { openStage } from './stage.tsx';

openStage('display', (story) => <DisplayApp feeds={new PaintedFeed(story)} />);
