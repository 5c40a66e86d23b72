// A process of its own: prints what FFmpeg can capture from on this machine as one JSON line, and ends. For Windows, where nothing else tells (docs/adr/0027),
// and for doctor: a native library that does not load, or crashes, ends this process and no other.
import { listDevices } from './source/device-source.ts';
import { isCaptureInput } from './source/open-source.ts';
import { answerOnce } from './trial-answer.ts';

await answerOnce(async () => {
  const { cameras, microphones } = await listDevices();
  return {
    devices: [
      ...cameras.map((device) => ({ kind: isCaptureInput(device) ? 'content' : 'camera', path: device.name, name: device.description })),
      ...microphones.map((device) => ({ kind: 'microphone', path: device.name, name: device.description }))
    ]
  };
});
