// cloister people: whom this room calls and was called by, whom the directory knows, and whom it does not take calls from.
import { isAccount, parseAddress } from '../../src/kernel/address.ts';
import type { PersonView, RecentCall } from '../../src/room/state.ts';
import { type CommandResult, runClientCommand } from '../client-command.ts';
import { type Action, commandOf, done, exactly, type Given } from '../command-actions.ts';
import type { CommandIo, ExitStatus } from '../io.ts';

const USAGE = `Usage: cloister people [list] [--url URL] [--json]
       cloister people favourites | recents
       cloister people search WORDS...
       cloister people favourite add ADDRESS [--name NAME]
       cloister people favourite remove ADDRESS
       cloister people blocked [--config FILE]
       cloister people block ADDRESS | unblock ADDRESS [--config FILE]

Lists favourites and recent calls, finds people by name or address, keeps
favourites, and refuses calls of an address. Who is blocked is the
administrator's to see and to change.
  --name NAME     as which it is kept; left out: as the directory calls it
  --config FILE   the room's configuration: its data folder holds the token by
                  which a program is the administrator
  --url URL       the room's address (default http://127.0.0.1:8480)
  --json          print one JSON document`;

/** The room's own limit on a question. */
const MOST_CHARACTERS = 128;

const person = ({ account, displayName, presence }: PersonView): string => `${presence.padEnd(9)}${displayName} <${account}>`;
const recent = ({ account, displayName, direction, outcome, at }: RecentCall): string =>
  `${at}  ${(direction === 'incoming' ? 'from' : 'to').padEnd(5)}${outcome.padEnd(14)}${displayName} <${account}>`;
const orNone = (lines: readonly string[], none: string): readonly string[] => (lines.length === 0 ? [none] : lines);

async function list({ http }: Given): Promise<CommandResult> {
  const { people } = await http.state();
  return done(
    people,
    'Favourites',
    ...orNone(people.favourites.map(person), 'none').map((line) => `  ${line}`),
    people.missedUnseen === 0 ? 'Recent calls' : `Recent calls, ${people.missedUnseen} missed since somebody looked`,
    ...orNone(people.recents.map(recent), 'none').map((line) => `  ${line}`)
  );
}

async function favourites({ http }: Given): Promise<CommandResult> {
  const { people } = await http.state();
  return done({ favourites: people.favourites }, ...orNone(people.favourites.map(person), 'Nobody is a favourite.'));
}

async function recents({ http }: Given): Promise<CommandResult> {
  const { people } = await http.state();
  return done({ recents: people.recents }, ...orNone(people.recents.map(recent), 'There was no call.'));
}

async function search(words: readonly string[], { http }: Given): Promise<CommandResult> {
  const people = await http.search(words.join(' '));
  return done({ people }, ...orNone(people.map(person), 'Nobody of this name is known.'));
}

const account = (text: string): string => {
  const address = parseAddress(text);
  return address.ok ? address.value.account : text;
};

async function keepFavourite([verb, address = '']: readonly string[], { http, options }: Given): Promise<CommandResult> {
  const of = { account: account(address) };
  if (verb === 'remove') {
    await http.post('/api/v1/favourites/remove', of);
    return done(of, `${of.account} is no favourite.`);
  }
  await http.post('/api/v1/favourites', { ...of, displayName: options['name'] ?? null });
  return done(of, `${of.account} is a favourite.`);
}

async function blocked({ http }: Given): Promise<CommandResult> {
  const accounts = await http.blocked();
  return done({ blocked: accounts }, ...orNone(accounts, 'Nobody is blocked.'));
}

async function block([address = '']: readonly string[], { http }: Given): Promise<CommandResult> {
  const of = { account: account(address) };
  await http.post('/api/v1/blocked', of);
  return done(of, `Calls of ${of.account} are refused.`);
}

async function unblock([address = '']: readonly string[], { http }: Given): Promise<CommandResult> {
  const of = { account: account(address) };
  await http.post('/api/v1/blocked/remove', of);
  return done(of, `Calls of ${of.account} ring.`);
}

const isAddress = (text: string): string | null => (isAccount(account(text)) ? null : 'an address looks like boardroom@contoso.example');

/** A name that is not used would be lost without a word. */
const unnamed =
  (check: Action['check']): Action['check'] =>
  (words, options) =>
    options['name'] === undefined ? check(words, options) : '--name goes with favourite add';
const none = unnamed(exactly(0));
const oneAddress = unnamed((words) => exactly(1)(words) ?? isAddress(words[0] ?? ''));

const ACTIONS: Readonly<Record<string, Action>> = {
  list: { check: none, run: (_words, given) => list(given) },
  favourites: { check: none, run: (_words, given) => favourites(given) },
  recents: { check: none, run: (_words, given) => recents(given) },
  search: {
    check: unnamed((words) => {
      const { length } = words.join(' ').trim();
      return length === 0 ? 'search wants a name' : length > MOST_CHARACTERS ? `search takes at most ${MOST_CHARACTERS} characters` : null;
    }),
    run: search
  },
  favourite: {
    check([verb, ...words], options) {
      if (verb !== 'add' && verb !== 'remove') return 'favourite wants add or remove';
      const check: Action['check'] = (given) => exactly(1)(given) ?? isAddress(given[0] ?? '');
      return verb === 'add' ? check(words, options) : unnamed(check)(words, options);
    },
    run: keepFavourite
  },
  blocked: { check: none, run: (_words, given) => blocked(given) },
  block: { check: oneAddress, run: block },
  unblock: { check: oneAddress, run: unblock }
};
const COMMAND = commandOf({ name: 'people', usage: USAGE, options: ['config', 'name'], most: 20 }, ACTIONS);

export const runPeopleCommand = (args: string[], io: CommandIo): Promise<ExitStatus> => runClientCommand(COMMAND, args, io);
