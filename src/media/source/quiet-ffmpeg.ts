// FFmpeg writes to the process's standard error by itself, names of files and devices included; what matters comes back as errors.
import { AV_LOG_QUIET, Log } from 'node-av';

export function quietFfmpeg(): void {
  Log.setLevel(AV_LOG_QUIET);
}
