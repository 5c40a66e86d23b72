// Whether the room can be used, in one line with its cause: the worst thing that is so comes first.
import type { RoomState } from '../../room/state.ts';
import { errorText, text } from './texts.ts';

type RoomStatus = { readonly severity: 'good' | 'warning' | 'bad'; readonly title: string; readonly detail: string | null };

export function roomStatusOf(state: RoomState): RoomStatus {
  const problems = state.health.problems;
  const worst = problems.find((problem) => problem.severity === 'error') ?? problems[0];
  if (state.network.clock === 'wrong') return { severity: 'bad', title: text('home.degraded'), detail: text('home.clockWrong') };
  if (state.network.broker === 'offline') return { severity: 'bad', title: text('home.degraded'), detail: text('home.offline') };
  if (worst !== undefined) {
    const severity = worst.severity === 'error' ? 'bad' : 'warning';
    return { severity, title: text('home.degraded'), detail: worst.text === '' ? errorText(worst.code) : worst.text };
  }
  if (state.network.broker === 'connecting') return { severity: 'warning', title: text('home.connecting'), detail: null };
  if (state.health.status === 'degraded') return { severity: 'warning', title: text('home.degraded'), detail: null };
  return {
    severity: 'good',
    title: text('home.ready'),
    detail: text('home.readyHint', { camera: state.devices.camera.name, microphone: state.devices.microphone.name })
  };
}
