// The panel in the gallery.
import { PanelApp } from '../../src/ui/panel/panel-app.tsx';
import { nothingOpened } from '../../src/ui/panel/screen-choice.ts';
import { openStage } from './stage.tsx';

openStage('panel', (story) => <PanelApp opened={{ ...nothingOpened, ...story.opened }} />);
