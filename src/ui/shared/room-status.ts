// Whether the room can be used, in one line with its cause: the worst thing that is so comes first.
import type { Problem, RoomState } from '../../room/state.ts';
import type { Texts } from '../texts/texts.ts';

type Severity = 'good' | 'warning' | 'bad';

/** `technical`: the room's own words, in English, where they say more than the title and detail do. */
type RoomStatus = { readonly severity: Severity; readonly title: string; readonly detail: string | null; readonly technical: string | null };

/** A problem that somebody silenced is shown on the health page, but is not what ails the room. */
function worstProblemOf(state: RoomState): Problem | null {
  const problems = state.health.problems.filter(({ silenced }) => silenced === null);
  return problems.find(({ severity }) => severity === 'error') ?? problems[0] ?? null;
}

export function roomSeverityOf(state: RoomState): Severity {
  if (state.network.clock === 'wrong' || state.network.broker === 'offline') return 'bad';
  const worst = worstProblemOf(state);
  if (worst !== null) return worst.severity === 'error' ? 'bad' : 'warning';
  return state.network.broker === 'connecting' || state.health.status === 'degraded' ? 'warning' : 'good';
}

export function roomStatusOf(state: RoomState, t: Texts): RoomStatus {
  const severity = roomSeverityOf(state);
  const ailing = { severity, title: t('home.degraded'), technical: null };
  const worst = worstProblemOf(state);
  if (state.network.clock === 'wrong') return { ...ailing, detail: t('home.clockWrong') };
  if (state.network.broker === 'offline') return { ...ailing, detail: t('home.offline') };
  if (worst !== null) {
    const { text, technical } = t.problem(worst);
    return { ...ailing, detail: text, technical };
  }
  if (state.network.broker === 'connecting') return { ...ailing, title: t('home.connecting'), detail: null };
  if (state.health.status === 'degraded') return { ...ailing, detail: null };
  const hint = t('home.readyHint', { camera: state.devices.camera.name, microphone: state.devices.microphone.name });
  return { ...ailing, title: t('home.ready'), detail: hint };
}
