// The entry of a media process: a composition root. Serves the requests of ipc.ts for one exchange of one call and ends with it.
// When the agent is gone the process goes too: no call outlives the room that shows it.
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { createCallCertificate } from '../encryption/call-certificate.ts';
import { endpointBinding } from '../encryption/endpoint-binding.ts';
import { commitment, commitmentHolds, securityCode } from '../encryption/security-code.ts';
import { systemClock } from '../kernel/clock.ts';
import { asCloisterError, CloisterError } from '../kernel/errors.ts';
import type { FromProcess, RequestHandlers, ToProcess } from './ipc.ts';
import { type BeginSession, rehearse } from './rehearsal.ts';
import { createSession, type Session } from './session.ts';

/** Leaves the last answer time to go out; nothing that hangs may hold the process, and the key in it, longer. */
const EXIT_DELAY_MS = 20;
const CLOSE_LIMIT_MS = 500;

/** process.exit() waits for the threads of the pool, and so for ever for a camera or a driver that does not come back. */
const endNow = (): void => void process.kill(process.pid, 'SIGKILL');

/** Sound that comes late is heard, whatever else the machine does. Linux has a priority for each thread, and lets only some users raise it (RLIMIT_NICE). */
function goBeforeOthers(): void {
  const threads = process.platform === 'linux' ? readdirSync('/proc/self/task').map(Number) : [process.pid];
  for (const thread of threads) {
    try {
      setPriority(thread, constants.priority.PRIORITY_ABOVE_NORMAL);
    } catch {
      // as everybody else, then; or the thread has ended
    }
  }
}

const beginSession: BeginSession = (settings, call, emit, createPath) =>
  createSession({
    settings,
    call,
    certificate: createCallCertificate(Date.now()),
    encryption: { commitment, commitmentHolds, securityCode, endpointBinding },
    // Loaded for a recording alone: no call waits for it.
    sealRecordingKey: async (recipient, text) => (await import('../identity/sealing.ts')).sealFor(recipient, text),
    nonce: new Uint8Array(randomBytes(32)),
    clock: systemClock,
    emit,
    createPath
  });

function handlers(tell: (message: FromProcess) => void, begun: () => void): RequestHandlers {
  let session: Session | null = null;
  const running = (): Session => {
    if (session === null) throw new CloisterError('CL_INTERNAL', 'this media process has no call');
    return session;
  };
  return {
    async begin(settings, call) {
      if (session !== null) throw new CloisterError('CL_INTERNAL', 'this media process has its call already');
      begun();
      goBeforeOthers();
      session = beginSession(settings, call, (event, ...parameters) => tell({ event, parameters }));
      return null;
    },
    createOffer: () => running().createOffer(),
    acceptAnswer: (sdp, endToEnd, endpoints) => running().acceptAnswer(sdp, endToEnd, endpoints),
    acceptOffer: (sdp, endToEnd, endpoints) => running().acceptOffer(sdp, endToEnd, endpoints),
    open: () => running().open(),
    reveal: (nonce) => running().reveal(nonce),
    acceptUpdate: (sdp) => running().acceptUpdate(sdp),
    acceptUpdateAnswer: (sdp, answers) => running().acceptUpdateAnswer(sdp, answers),
    networkChanged: (addresses) => running().networkChanged(addresses),
    iceServersChanged: (servers) => running().iceServersChanged(servers),
    addCandidates: (candidates) => running().addCandidates(candidates),
    setDevices: (devices) => running().setDevices(devices),
    setMicrophone: (on) => running().setMicrophone(on),
    setCamera: (on) => running().setCamera(on),
    setHeld: (on) => running().setHeld(on),
    setScreen: (on, source) => running().setScreen(on, source),
    setRecording: (on) => running().setRecording(on),
    pressKeys: (keys) => running().pressKeys(keys),
    setVolume: (percent) => running().setVolume(percent),
    lend: () => running().lend(),
    borrow: (loan) => running().borrow(loan),
    displayTicket: () => running().displayTicket(),
    ownPictureTicket: () => running().ownPictureTicket(),
    async close() {
      setTimeout(endNow, CLOSE_LIMIT_MS);
      await session?.close();
      setTimeout(endNow, EXIT_DELAY_MS);
      return null;
    }
  };
}

function main(): void {
  const tell = (message: FromProcess): void => {
    if (process.connected) process.send?.(message);
  };
  const rehearsal = new AbortController();
  const served = handlers(tell, () => rehearsal.abort());
  process.on('message', ({ id, request, parameters }: ToProcess) => {
    const handler = served[request] as (...given: readonly unknown[]) => Promise<unknown>;
    Promise.resolve()
      .then(() => handler(...parameters))
      .then(
        (result) => tell({ id, result }),
        (cause) => {
          const error = asCloisterError(cause);
          tell({ id, error: { code: error.code, message: error.message } });
        }
      );
  });
  process.on('disconnect', endNow);
  // Ctrl-C reaches the whole process group; the agent closes its media processes in good order.
  process.on('SIGINT', () => {});
  // After a fault that nobody caught nothing here can be relied on: end at once; the agent secures the call anew or ends it.
  process.on('uncaughtException', (error) => {
    process.stderr.write(`uncaught ${error.name}: ${error.message.slice(0, 200)} ${error.stack?.split('\n').slice(1, 4).join(' ') ?? ''}\n`);
    endNow();
  });
  tell({ ready: true });
  void rehearse(beginSession, systemClock, rehearsal.signal);
}

main();
