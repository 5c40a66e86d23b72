// cloister settings, people and reports against a real server with a fake room and a real administrator: what they ask, print and refuse.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runPeopleCommand } from '../../agent/commands/people.ts';
import { runReportsCommand } from '../../agent/commands/reports.ts';
import { runSettingsCommand } from '../../agent/commands/settings.ts';
import type { CommandIo, ExitStatus } from '../../agent/io.ts';
import type { RoomAdministrator } from '../../src/admin/room-admin.ts';
import { resolveConfig } from '../../src/config/layers.ts';
import type { Config } from '../../src/config/schema.ts';
import { CloisterError } from '../../src/kernel/errors.ts';
import type { UiServer } from '../../src/ui-server/server.ts';
import { createFakeClock } from '../fakes/clock.ts';
import type { FakeRoom } from '../fakes/room.ts';
import { startAdministeredRoom } from '../harness/administered-room.ts';
import { serveRoom } from '../harness/served-room.ts';

const STUDIO = { account: 'studio@contoso.example', displayName: 'Studio', presence: 'online' } as const;
const REPORT = { id: '0190f3c2-7d4e-7a31-8c55-0123456789ab', at: '2026-03-04T09:00:00.000Z', text: 'No sound.', bytes: 4096 };

type Command = (args: string[], io: CommandIo) => Promise<ExitStatus>;

describe('cloister settings, people and reports', function () {
  this.timeout(60_000);
  let folder: string;
  let config: Config;
  let configFile: string;
  let admin: RoomAdministrator;
  let room: FakeRoom;
  let server: UiServer;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cloister-room-commands-'));
    const resolved = resolveConfig([{ dataDirectory: join(folder, 'data') }]);
    assert.ok(resolved.ok);
    config = resolved.value;
    configFile = join(folder, 'room.json');
    await writeFile(configFile, JSON.stringify({ dataDirectory: config.dataDirectory }));
    const clock = createFakeClock();
    ({ admin, room } = await startAdministeredRoom(config, clock));
    server = await serveRoom(room, { uiDirectory: '/nowhere', clock });
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await admin[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  async function run(command: Command, ...args: string[]) {
    const out: string[] = [];
    const err: string[] = [];
    const status = await command([...args, '--url', server.url], { stdout: (line) => out.push(line), stderr: (line) => err.push(line) });
    return { status, out, err: err.join('\n') };
  }
  const settings = (...args: string[]) => run(runSettingsCommand, ...args);
  const people = (...args: string[]) => run(runPeopleCommand, ...args);
  const reports = (...args: string[]) => run(runReportsCommand, ...args);
  const asAdministrator = ['--config'] as const;
  const refusedWith = ({ status, err }: { readonly status: number; readonly err: string }): readonly [number, string] => [
    status,
    /\((CL_\w+)\)/.exec(err)?.[1] ?? err
  ];

  describe('settings', () => {
    it('are listed for people, and whole as JSON', async () => {
      const { status, out } = await settings();
      assert.equal(status, 0);
      assert.match(out.join('\n'), /^language {8}en$[\s\S]*^ringer {10}\d+ %$[\s\S]*^do-not-disturb {2}off$[\s\S]*^encryption {6}on$/m);
      const json = await settings('list', '--json');
      assert.deepEqual(JSON.parse(json.out[0] ?? ''), { ...room.state().settings, encryption: true });
      assert.deepEqual((await settings('get', 'theme')).out, ['dark']);
    });

    it('are changed in one request, and told as the room has them then', async () => {
      const { status, out } = await settings('set', 'theme', 'light', 'ringer', '30', 'do-not-disturb', '45', 'self-view', 'on');
      assert.equal(status, 0);
      assert.deepEqual(room.asked, [['changeSettings', { theme: 'light', ringerPercent: 30, doNotDisturb: { minutes: 45 }, selfView: true }]]);
      assert.deepEqual(out.slice(0, 2), ['theme           light', 'ringer          30 %']);
      await settings('set', 'do-not-disturb', 'off');
      await settings('set', 'do-not-disturb', 'on', 'layout', 'side-by-side', 'text-size', 'larger', 'language', 'de');
      assert.deepEqual(room.asked.slice(1), [
        ['changeSettings', { doNotDisturb: null }],
        ['changeSettings', { doNotDisturb: { minutes: null }, layout: 'side-by-side', textSize: 'larger', language: 'de' }]
      ]);
    });

    it('of the administrator need the token, and a change with one of them is made whole or not at all', async () => {
      const change = ['set', 'theme', 'light', 'auto-answer', '5', 'wipe-daily-at', '03:30', 'room-language', 'fr', 'encryption', 'off'];
      await admin.setPin('394715', null);
      assert.deepEqual(refusedWith(await settings(...change, ...asAdministrator, join(folder, 'nowhere.json'))), [1, 'CL_PIN_REQUIRED']);
      assert.deepEqual(room.asked, []);
      const done = await settings(...change, ...asAdministrator, configFile);
      assert.equal(done.status, 0, done.err);
      const changed = { theme: 'light', autoAnswer: { on: true, afterSeconds: 5 }, wipeDailyAt: '03:30', roomLanguage: 'fr', encryption: false };
      assert.deepEqual(room.asked, [['changeSettings', changed]]);
      // How long stays with the switch.
      await settings('set', 'auto-answer', 'off', 'wipe-daily-at', 'off', ...asAdministrator, configFile);
      assert.deepEqual(room.asked.at(-1), ['changeSettings', { autoAnswer: { on: false, afterSeconds: 5 }, wipeDailyAt: null }]);
    });

    it('that the policy decides are refused by its code', async () => {
      room.failNext = new CloisterError('CL_SETTING_LOCKED');
      const refused = await settings('set', 'encryption', 'on', '--json', ...asAdministrator, configFile);
      assert.deepEqual([refused.status, JSON.parse(refused.out[0] ?? '').error.code], [1, 'CL_SETTING_LOCKED']);
    });

    it('are not asked for what makes no sense', async () => {
      for (const [args, why] of [
        [['get'], /an argument is missing/],
        [['get', 'toString'], /there is no setting "toString"/],
        [['set'], /a name and a value/],
        [['set', 'theme'], /a name and a value/],
        [['set', 'theme', 'pink'], /theme wants one of dark/],
        [['set', 'theme', 'dark', 'theme', 'light'], /theme is set twice/],
        [['set', 'ringer', '101'], /ringer wants a whole number/],
        [['set', 'ringer', '-5'], /ringer wants a whole number/],
        [['set', 'do-not-disturb', '0'], /do-not-disturb wants on, off/],
        [['set', 'auto-answer', '61'], /auto-answer wants off, or seconds/],
        [['set', 'wipe-daily-at', '24:00'], /wipe-daily-at wants HH:MM/],
        [['set', 'self-view', 'true'], /self-view wants on or off/],
        [['forget'], /there is no "forget"/]
      ] as const) {
        const { status, err } = await settings(...args);
        assert.equal(status, 2, args.join(' '));
        assert.match(err, why);
      }
      assert.deepEqual(room.asked, []);
    });
  });

  describe('people', () => {
    beforeEach(() =>
      room.change((state) => ({
        ...state,
        people: {
          favourites: [STUDIO],
          recents: [
            {
              id: 'r1',
              account: 'lab@contoso.example',
              displayName: 'Lab\u001b[2J',
              direction: 'incoming',
              outcome: 'missed',
              at: REPORT.at,
              durationMs: 0,
              encryption: null
            }
          ],
          missedUnseen: 1
        }
      }))
    );

    it('are listed: favourites with their presence, recent calls with what became of them', async () => {
      const { status, out } = await people();
      assert.equal(status, 0);
      assert.deepEqual(out, [
        'Favourites',
        '  online   Studio <studio@contoso.example>',
        'Recent calls, 1 missed since somebody looked',
        `  ${REPORT.at}  from missed        Lab\u{fffd}[2J <lab@contoso.example>`
      ]);
      assert.deepEqual(JSON.parse((await people('list', '--json')).out[0] ?? ''), room.state().people);
      assert.deepEqual((await people('favourites')).out, ['online   Studio <studio@contoso.example>']);
      assert.deepEqual(JSON.parse((await people('recents', '--json')).out[0] ?? ''), { recents: room.state().people.recents });
    });

    it('are found by words', async () => {
      assert.deepEqual((await people('search', 'stu')).out, ['online   Studio <studio@contoso.example>']);
      assert.deepEqual((await people('search', 'no', 'body')).out, ['Nobody of this name is known.']);
      assert.deepEqual(JSON.parse((await people('search', 'STU', '--json')).out[0] ?? ''), { people: [STUDIO] });
    });

    it('become favourites and cease to be', async () => {
      assert.deepEqual((await people('favourite', 'add', 'Lab@Contoso.example', '--name', 'The lab')).out, ['lab@contoso.example is a favourite.']);
      await people('favourite', 'add', STUDIO.account);
      await people('favourite', 'remove', STUDIO.account);
      assert.deepEqual(room.asked, [
        ['addFavourite', 'lab@contoso.example', 'The lab'],
        ['addFavourite', STUDIO.account, null],
        ['removeFavourite', STUDIO.account]
      ]);
      room.failNext = new CloisterError('CL_PEOPLE_FULL');
      assert.deepEqual(refusedWith(await people('favourite', 'add', STUDIO.account)), [1, 'CL_PEOPLE_FULL']);
    });

    it('are blocked by the administrator alone, with or without a PIN', async () => {
      for (const pinIsSet of [false, true]) {
        if (pinIsSet) await admin.setPin('394715', null);
        room.asked.splice(0);
        const nobody = [...asAdministrator, join(folder, 'nowhere.json')];
        for (const args of [['blocked'], ['block', STUDIO.account], ['unblock', STUDIO.account]])
          assert.deepEqual(refusedWith(await people(...args, ...nobody)), [1, pinIsSet ? 'CL_PIN_REQUIRED' : 'CL_PIN_NOT_SET']);
        assert.deepEqual(room.asked, []);
        const program = [...asAdministrator, configFile];
        assert.deepEqual((await people('block', STUDIO.account, ...program)).out, [`Calls of ${STUDIO.account} are refused.`]);
        assert.deepEqual((await people('unblock', STUDIO.account, ...program)).out, [`Calls of ${STUDIO.account} ring.`]);
        assert.deepEqual(room.asked, [
          ['block', STUDIO.account],
          ['unblock', STUDIO.account]
        ]);
        assert.deepEqual((await people('blocked', ...program)).out, ['Nobody is blocked.']);
        room.people.blocked = () => [STUDIO.account];
        assert.deepEqual(JSON.parse((await people('blocked', '--json', ...program)).out[0] ?? ''), { blocked: [STUDIO.account] });
        room.people.blocked = () => [];
      }
    });

    it('are not asked for what makes no sense', async () => {
      for (const [args, why] of [
        [['search'], /search wants a name/],
        [['search', 'a'.repeat(129)], /at most 128/],
        [['favourite'], /add or remove/],
        [['favourite', 'add'], /an argument is missing/],
        [['favourite', 'add', 'studio'], /an address looks like/],
        [['favourite', 'remove', STUDIO.account, '--name', 'Studio'], /--name goes with/],
        [['block', 'studio@'], /an address looks like/],
        [['unblock', STUDIO.account, STUDIO.account], /too many/],
        [['favourites', 'all'], /too many/]
      ] as const) {
        const { status, err } = await people(...args);
        assert.equal(status, 2, args.join(' '));
        assert.match(err, why);
      }
      assert.deepEqual(room.asked, []);
    });
  });

  describe('reports', () => {
    beforeEach(() => {
      room.reports.list = async () => [REPORT];
      room.reports.open = async (id) => {
        if (id !== REPORT.id) throw new CloisterError('CL_REPORT_UNKNOWN');
        return { name: 'report.tar.gz', bytes: new Uint8Array([31, 139, 0, 255]) };
      };
    });

    it('are listed with their numbers, for the administrator', async () => {
      assert.deepEqual(refusedWith(await reports(...asAdministrator, join(folder, 'nowhere.json'))), [1, 'CL_PIN_NOT_SET']);
      assert.deepEqual((await reports(...asAdministrator, configFile)).out, [`0123456789ab  ${REPORT.at}      4 kB  No sound.`]);
      assert.deepEqual(JSON.parse((await reports('--json', ...asAdministrator, configFile)).out[0] ?? ''), { reports: [REPORT] });
    });

    it('are written to a file for the administrator, byte by byte, and over none that is there', async () => {
      const file = join(folder, 'report.tar.gz');
      const nobody = await reports('get', '0123', '4567', '89ab', '--output', file, ...asAdministrator, join(folder, 'nowhere.json'));
      assert.deepEqual(refusedWith(nobody), [1, 'CL_PIN_NOT_SET']);
      await assert.rejects(stat(file));
      const got = await reports('get', '0123', '4567', '89AB', '--output', file, ...asAdministrator, configFile);
      assert.deepEqual([got.status, got.out], [0, [`${file} has report 0123456789ab, 1 kB.`]], got.err);
      assert.deepEqual([...(await readFile(file))], [31, 139, 0, 255]);
      assert.equal((await stat(file)).mode & 0o777, 0o600);
      const again = await reports('get', REPORT.id, '--output', file, ...asAdministrator, configFile);
      assert.deepEqual([again.status, /is there already/.test(again.err)], [1, true]);
      assert.deepEqual([...(await readFile(file))], [31, 139, 0, 255]);
    });

    it('that there are not are said to be unknown, and what is no number is bad usage', async () => {
      assert.deepEqual(refusedWith(await reports('get', 'ffffffffffff', ...asAdministrator, configFile)), [1, 'CL_REPORT_UNKNOWN']);
      assert.equal((await reports('get', 'last')).status, 2);
      assert.equal((await reports('get')).status, 2);
      assert.equal((await reports('list', '--output', 'x')).status, 2);
    });
  });

  it('say how they are used', async () => {
    for (const command of [runSettingsCommand, runPeopleCommand, runReportsCommand]) {
      const { status, out } = await run(command, '--help');
      assert.deepEqual([status, out.length], [0, 1]);
      assert.match(out[0] ?? '', /^Usage: cloister \w+ \[list\]/);
    }
  });
});
