// The room's figures for Prometheus (text format 0.0.4). Pure. No names, addresses or codes: metrics leave the room.
import type { CallPhase, EncryptionState, MediaFlow, RoomState } from '../room/state.ts';

const PHASES: readonly CallPhase[] = ['inviting', 'ringing', 'connecting', 'connected', 'on-hold', 'ended'];
const ENCRYPTION_STATES: readonly EncryptionState[] = ['end-to-end-verified', 'end-to-end', 'standard', 'failed'];
const SEVERITIES = ['warning', 'error'] as const;

type Sample = { readonly labels?: Readonly<Record<string, string>>; readonly value: number };

const number = (yes: boolean): number => (yes ? 1 : 0);

/** @param listeners pages that listen to the state's events now */
export function metricsText(state: RoomState, listeners: number): string {
  const { call } = state;
  const flows: readonly (readonly [string, MediaFlow])[] = call === null ? [] : [['audio', call.media.audio], ['video', call.media.video], ['screen', call.media.screen]]; // biome-ignore format: one line
  const perKind = (value: (flow: MediaFlow) => number): Sample[] => flows.map(([kind, flow]) => ({ labels: { kind }, value: value(flow) }));
  const metric = (name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[]): string[] => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(({ labels, value }) => `${name}${labelText(labels)} ${value}`)
  ];
  return `${[
    metric('cloister_info', 'gauge', 'The agent’s version.', [{ labels: { version: state.version.agent }, value: 1 }]),
    metric(
      'cloister_calls',
      'gauge',
      'Calls by phase.',
      PHASES.map((phase) => ({ labels: { phase }, value: number(call?.phase === phase) }))
    ),
    metric(
      'cloister_call_encryption',
      'gauge',
      'The state of the call’s encryption.',
      ENCRYPTION_STATES.map((name) => ({ labels: { state: name }, value: number(call?.encryption.state === name) }))
    ),
    metric(
      'cloister_call_packets_sent_total',
      'counter',
      'Packets sent in this call.',
      perKind((flow) => flow.packetsSent)
    ),
    metric(
      'cloister_call_packets_received_total',
      'counter',
      'Packets received in this call.',
      perKind((flow) => flow.packetsReceived)
    ),
    metric(
      'cloister_call_packets_lost_total',
      'counter',
      'Packets lost in this call.',
      perKind((flow) => flow.lost)
    ),
    metric(
      'cloister_call_frames_received_total',
      'counter',
      'Frames received in this call.',
      perKind((flow) => flow.framesReceived)
    ),
    metric(
      'cloister_call_receive_kbps',
      'gauge',
      'Rate received, in kbit/s.',
      perKind((flow) => flow.bitrateKbps)
    ),
    metric(
      'cloister_call_send_kbps',
      'gauge',
      'Rate sent, in kbit/s.',
      perKind((flow) => flow.sendKbps)
    ),
    metric('cloister_broker_connected', 'gauge', 'Whether the message broker is connected.', [{ value: number(state.network.broker === 'connected') }]),
    metric('cloister_displays', 'gauge', 'Displays connected.', [{ value: state.devices.displays }]),
    metric(
      'cloister_problems',
      'gauge',
      'Problems that the room has now.',
      SEVERITIES.map((severity) => ({ labels: { severity }, value: state.health.problems.filter((problem) => problem.severity === severity).length }))
    ),
    metric('cloister_security_events', 'gauge', 'Security events remembered.', [{ value: state.health.securityEvents.length }]),
    metric('cloister_ui_listeners', 'gauge', 'Pages that listen to the room.', [{ value: listeners }])
  ]
    .flat()
    .join('\n')}\n`;
}

function labelText(labels: Readonly<Record<string, string>> | undefined): string {
  if (labels === undefined) return '';
  const escaped = (value: string): string => value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
  return `{${Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`).join(',')}}`; // biome-ignore format: one line
}
