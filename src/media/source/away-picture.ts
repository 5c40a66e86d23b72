// Draws the still picture that is sent while no camera is there: it says so, and names the room. Pure drawing into planes of YUV 4:2:0.
import { drawText, fillLuma, layLine, plainName, type TestPicture } from './test-picture.ts';

const TITLE = 'CAMERA IS AWAY';
const GREY = 60;
const NEUTRAL = 128;
const FAINT = 150;

/** @param width even, at least 160; @param height even, at least 90 */
export function createAwayPicture(roomName: string, width: number, height: number): TestPicture {
  const maxDot = Math.max(1, Math.floor(height / 90));
  const name = plainName(roomName, width);
  const title = layLine(TITLE, width, Math.floor(height * 0.4), maxDot);
  const room = layLine(name, width, Math.floor(height * 0.56), Math.max(1, Math.floor(maxDot / 2)));
  return {
    drawBackground(planes) {
      fillLuma(planes, { x: 0, y: 0, width, height }, GREY);
      planes.data[1].fill(NEUTRAL);
      planes.data[2].fill(NEUTRAL);
      drawText(planes, TITLE, title.area.x, title.area.y, title.dot);
      drawText(planes, name, room.area.x, room.area.y, room.dot, FAINT);
    },
    drawChanges() {}
  };
}
