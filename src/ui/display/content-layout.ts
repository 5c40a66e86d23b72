// Where things are while the other room shares its screen: the screen as large as leaves a row above and below it for what may not cover it,
// the camera's picture and the name in a column beside. One rem is a 120th of the display's width (display.css).

const EDGE = '2.5rem';
/** Sixteen to nine, like what is shared most. */
const SCREEN = { top: '8.75rem', width: '90rem', height: '50.625rem' } as const;
const CAMERA_HEIGHT = '12.6875rem';
const COLUMN = { right: EDGE, width: '22.5rem' } as const;

export const contentLayout = {
  screen: { left: EDGE, right: 'auto', top: SCREEN.top, bottom: 'auto', width: SCREEN.width, height: SCREEN.height, backgroundColor: '#000000' },
  camera: { position: 'absolute', left: 'auto', bottom: 'auto', top: SCREEN.top, height: CAMERA_HEIGHT, borderRadius: '0.75rem', ...COLUMN },
  name: { left: 'auto', bottom: 'auto', top: '22.5rem', maxWidth: 'none', padding: '1rem 1.5rem', boxSizing: 'border-box', justifyContent: 'center', ...COLUMN }
} as const;
