// Commands that are several: `cloister devices choose …`, `cloister people block …`. The first word says which; without one it is `list`.
import { CloisterError } from '../src/kernel/errors.ts';
import { type ClientCommand, type CommandResult, printable } from './client-command.ts';

export type Given = Parameters<ClientCommand['run']>[0];

export type Action = {
  /** Of what is given after the action's own word. */
  readonly check: (words: readonly string[], options: Given['options']) => string | null;
  readonly run: (words: readonly string[], given: Given) => Promise<CommandResult>;
};

export function commandOf(
  command: Pick<ClientCommand, 'name' | 'usage'> & { readonly options: readonly string[]; readonly most: number },
  actions: Readonly<Record<string, Action>>
): ClientCommand {
  const actionOf = ([name = 'list']: readonly string[]): Action | undefined => (Object.hasOwn(actions, name) ? actions[name] : undefined);
  return {
    name: command.name,
    usage: command.usage,
    flags: [],
    options: command.options,
    positionals: [0, command.most],
    check: ({ positionals, options }) => {
      const action = actionOf(positionals);
      return action === undefined ? `there is no ${JSON.stringify(printable(positionals[0] ?? ''))}` : action.check(positionals.slice(1), options);
    },
    run: (given) => {
      const action = actionOf(given.positionals);
      if (action === undefined) throw new CloisterError('CL_INTERNAL', 'unchecked arguments');
      return action.run(given.positionals.slice(1), given);
    }
  };
}

export const done = (document: unknown, ...lines: readonly string[]): CommandResult => ({ document, lines, done: true });

export const exactly =
  (count: number) =>
  (words: readonly string[]): string | null =>
    words.length === count ? null : words.length < count ? 'an argument is missing' : 'too many arguments';
