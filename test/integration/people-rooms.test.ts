// What a room remembers and refuses, in whole rooms: two agents over a broker, their files on a real disk.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../fakes/signaling-world.ts';
import { startTwoRooms, type TestRoom } from '../harness/two-rooms.ts';

const keptText = (room: TestRoom): Promise<string> => readFile(join(room.folder, 'data', 'people.json'), 'utf8');

describe('people in whole rooms', function () {
  this.timeout(240_000);

  it('are missed, met, called, blocked, remembered over the death of an agent, and forgotten when the room is cleared', async () => {
    await using pair = await startTwoRooms();
    const [caller, callee] = pair.rooms;
    const post = (room: TestRoom, path: string, body: Readonly<Record<string, unknown>> = {}): Promise<unknown> => room.http.post(`/api/v1/${path}`, body);
    const disturb = async (doNotDisturb: unknown): Promise<void> => {
      const headers = { 'content-type': 'application/json' };
      const { status } = await fetch(`${callee.url}/api/v1/settings`, { method: 'PATCH', headers, body: JSON.stringify({ doNotDisturb }) });
      assert.equal(status, 204);
    };

    await disturb({ minutes: 5 });
    await post(caller, 'calls', { to: callee.account });
    await pair.waitFor('it is refused', ([first]) => first.call?.ended?.reason === 'busy');
    const [, missed] = await pair.waitFor('it is missed', ([, second]) => second.people.missedUnseen === 1);
    assert.deepEqual([missed.call, missed.people.recents[0]?.account, missed.people.recents[0]?.outcome], [null, caller.account, 'missed']);
    await disturb(null);

    await post(caller, 'favourites', { account: callee.account });
    await pair.waitFor('the favourite is met', ([first]) => first.people.favourites[0]?.presence === 'online');
    await pair.placeCall();
    await caller.act('end');
    const [here, there] = await pair.waitFor('it is over', (states) => states.every(({ people }) => people.recents[0]?.outcome === 'talked'));
    for (const { people } of [here, there]) assert.equal(people.recents[0]?.encryption, 'end-to-end-verified');

    await pair.placeCall({ answer: false });
    await pair.waitFor('it rings', ([, second]) => second.call?.phase === 'ringing');
    await callee.act('decline', { block: true });
    await pair.waitFor('it is declined', ([first]) => first.call?.ended?.reason === 'declined');

    // The agent dies without a word: the broker says so, and what it confirmed is there when it is back.
    await callee.stop('SIGKILL');
    await until(() => callee.agent.exitCode !== null || callee.agent.signalCode !== null, 'the agent is gone');
    const presence = async (): Promise<string | undefined> => (await caller.http.state()).people.favourites[0]?.presence;
    for (let seen = await presence(); seen !== 'offline'; seen = await presence()) await new Promise((resolve) => setTimeout(resolve, 50));
    await callee.start();
    const [, back] = await pair.waitFor('it is back', ([first]) => first.people.favourites[0]?.presence === 'online');
    assert.deepEqual(
      back.people.recents.map(({ outcome }) => outcome),
      ['declined', 'talked', 'missed']
    );
    await post(caller, 'calls', { to: callee.account });
    await pair.waitFor('it is blocked', ([first]) => first.call?.ended?.reason === 'blocked');
    const [, silent] = await pair.states();
    assert.deepEqual([silent.call, silent.people.recents.length], [null, 3]);
    assert.ok(!callee.stderr().includes(caller.account), 'nobody is named in the log');

    assert.ok((await keptText(callee)).includes('"talked"'));
    await post(callee, 'clear-room');
    const text = await keptText(callee);
    assert.ok(!text.includes('"talked"') && text.includes(caller.account), 'calls are gone, the block list is not');
    const [, cleared] = await pair.states();
    assert.deepEqual(cleared.people.recents, []);
  });
});
