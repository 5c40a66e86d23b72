// What measures in the page that shows a picture: when each was drawn, and how old it was by the time code in it. Sent to the page as text, so each function holds
// everything it uses; `readTimeCode` is put beside them. A room's display is read from its canvas after each drawing, Chromium's from its video element.

/** When a picture was shown, milliseconds since 1970, and how long after it was drawn at its source; null where the time could not be read. */
export type Shown = { readonly atMs: number; readonly ageMs: number | null };

export type Meter = {
  /** What was shown since it was asked last. */
  take(): Shown[];
};

export type TimeCodeRow = { readonly columns: number; readonly cells: number; readonly top: number; readonly height: number };

declare global {
  interface Window {
    meter: Meter;
    readTimeCode(luma: readonly number[]): number | null;
  }
}

/** In the display's page of a room. Whatever is drawn into a canvas of the document counts. */
export function installDisplayMeter(row: TimeCodeRow): void {
  let shown: Shown[] = [];
  const { drawImage } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.drawImage = function (this: CanvasRenderingContext2D, ...parameters: unknown[]) {
    Reflect.apply(drawImage, this, parameters);
    const { width, height } = this.canvas;
    if (!this.canvas.isConnected || width < 100) return;
    // Reading waits for the drawing.
    const { data } = this.getImageData(0, Math.floor(height * (row.top + row.height / 2)), width, 1);
    const atMs = Date.now();
    const luma = Array.from({ length: row.cells }, (_, index) => {
      const x = Math.floor((width * (index + 1.5)) / row.columns);
      return [-2, -1, 0, 1, 2].reduce((sum, offset) => sum + (data[(x + offset) * 4 + 1] ?? 0), 0) / 5;
    });
    const code = window.readTimeCode(luma);
    shown.push({ atMs, ageMs: code === null ? null : (((atMs - code) % 65_536) + 65_536) % 65_536 });
  };
  window.meter = {
    take() {
      const taken = shown;
      shown = [];
      return taken;
    }
  };
}

/** In the page of a Chromium that calls; for its whole life. What counts is when the browser gave the picture to be composed, which is before it tells of it. */
export function installVideoMeter(row: TimeCodeRow): void {
  let shown: Shown[] = [];
  const video = document.querySelector('video');
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  if (video === null || context === null) throw new Error('nothing to measure');
  const look: VideoFrameRequestCallback = (nowMs, { presentationTime }) => {
    video.requestVideoFrameCallback(look);
    const atMs = Date.now() - Math.max(0, performance.now() - Math.min(nowMs, presentationTime));
    const { videoWidth: width, videoHeight: height } = video;
    if (width < 100) return;
    if (canvas.width !== width) Object.assign(canvas, { width, height: 1 });
    context.drawImage(video, 0, Math.floor(height * (row.top + row.height / 2)), width, 1, 0, 0, width, 1);
    const { data } = context.getImageData(0, 0, width, 1);
    const luma = Array.from({ length: row.cells }, (_, index) => {
      const x = Math.floor((width * (index + 1.5)) / row.columns);
      return [-2, -1, 0, 1, 2].reduce((sum, offset) => sum + (data[(x + offset) * 4 + 1] ?? 0), 0) / 5;
    });
    const code = window.readTimeCode(luma);
    shown.push({ atMs, ageMs: code === null ? null : (((atMs - code) % 65_536) + 65_536) % 65_536 });
  };
  video.requestVideoFrameCallback(look);
  window.meter = {
    take() {
      const taken = shown;
      shown = [];
      return taken;
    }
  };
}
