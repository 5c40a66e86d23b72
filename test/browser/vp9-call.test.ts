// A setting that prefers VP9: the call is made with it, and both displays show what comes.
import assert from 'node:assert/strict';
import { type RoomsWithPages, startRoomsWithPages, until } from '../harness/browser.ts';

describe('browser: a call with VP9', function () {
  this.timeout(120_000);
  let all: RoomsWithPages;

  before(async () => {
    all = await startRoomsWithPages({ config: () => ({ media: { codecs: ['VP9', 'H264'], video: { width: 640, height: 360 } } }) });
  });

  after(() => all?.[Symbol.asyncDispose]());

  it('shows a moving picture on both displays', async () => {
    const { here, there } = all;
    await all.dial('studio');
    await there.panel.see('screen-incoming');
    await there.panel.touch('button-answer');
    for (const side of [here, there]) {
      await side.panel.seeAttribute('shield-state', 'data-state', 'end-to-end-verified');
      const { framesPresented } = await side.display.statistics();
      await until('a moving picture', async () => (await side.display.statistics()).framesPresented >= framesPresented + 10);
      const video = (await side.room.http.state()).call?.media.video;
      assert.deepEqual([video?.codec, video?.encoder], ['VP9', { name: 'libvpx-vp9', hardware: false }]);
    }
  });
});
