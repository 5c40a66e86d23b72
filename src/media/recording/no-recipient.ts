// Why nothing is recorded where nobody who may play a recording is configured. A file of its own: the agent says it, too, and loads no native codecs.
import { CloisterError } from '../../kernel/errors.ts';

export const noRecipient = (): CloisterError =>
  new CloisterError(
    'CL_CALL_FEATURE_MISSING',
    'Nothing is recorded here: the configuration names no key of whoever may play recordings (recording.recipient).'
  );
