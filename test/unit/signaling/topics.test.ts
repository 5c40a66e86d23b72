import assert from 'node:assert/strict';
import fc from 'fast-check';
import { brokerRulesFor, isRetained, mayPublish, mayRead, maySubscribe, ownFilters, parseTopic, topics } from '../../../src/signaling/topics.ts';

const own = 'aaaaaaaaaaaaaaaaaaaaaaaaaa';
const other = 'bbbbbbbbbbbbbbbbbbbbbbbbbb';
const account = 'cccccccccccccccccccccccccc';
const foreign = 'dddddddddddddddddddddddddd';

/** protocol.md's table: topic, retained, may `own` of `account` write it, may it read it. */
const table: readonly (readonly [string, boolean, boolean, boolean])[] = [
  [topics.accountInbox(account, own), false, true, true],
  [topics.accountInbox(account, other), false, false, true],
  [topics.accountInbox(foreign, own), false, true, false],
  [topics.endpointInbox(own, own), false, true, true],
  [topics.endpointInbox(own, other), false, false, true],
  [topics.endpointInbox(other, own), false, true, false],
  [topics.presence(own), true, true, true],
  [topics.presence(other), true, false, true],
  [`cloister/1/accounts/${account}/settings`, true, true, true],
  [`cloister/1/accounts/${foreign}/settings`, true, false, false],
  [`cloister/1/endpoints/${own}/desired`, true, false, true],
  [`cloister/1/endpoints/${other}/desired`, true, false, false],
  [`cloister/1/endpoints/${own}/reported`, true, true, true],
  [`cloister/1/endpoints/${other}/reported`, true, false, false],
  ['cloister/1/groups/floor2/desired', true, false, true]
];

describe('topics', () => {
  it('follows the protocol’s table', () => {
    for (const [topic, retained, write, read] of table) {
      const parsed = parseTopic(topic);
      assert.ok(parsed, topic);
      assert.equal(isRetained(parsed), retained, topic);
      assert.equal(mayPublish(own, account, topic), write, `write ${topic}`);
      assert.equal(mayRead(own, account, topic), read, `read ${topic}`);
    }
  });

  it('knows no other topic', () => {
    for (const topic of [
      '',
      'cloister',
      '$SYS/x',
      `cloister/2/endpoints/${own}/presence`,
      `cloister/1/endpoints/${own}/presence/`,
      `/cloister/1/endpoints/${own}/presence`,
      `cloister/1/endpoints/${own.toUpperCase()}/presence`,
      `cloister/1/endpoints/${own}/inbox/${own}/x`,
      `cloister/1/endpoints/${own}/presence\n`
    ]) {
      assert.equal(parseTopic(topic), null, topic);
      assert.equal(mayPublish(own, account, topic), false);
      assert.equal(mayRead(own, account, topic), false);
    }
  });

  it('lets an endpoint subscribe to its own and to presence, and to nothing wider', () => {
    for (const filter of [...ownFilters(own, account), 'cloister/1/endpoints/+/presence', topics.endpointInbox(own, other)])
      assert.ok(maySubscribe(own, account, filter), filter);
    const denied = [
      '#',
      '+',
      '+/+/+/+/+',
      'cloister/#',
      'cloister/1/endpoints/+/inbox/+',
      topics.endpointInbox('+', own),
      topics.endpointInbox(other, '+'),
      topics.accountInbox('+', own),
      topics.accountInbox(foreign, '+'),
      'cloister/1/endpoints/+/reported',
      `cloister/1/endpoints/${own}/+`,
      `cloister/1/endpoints/${own}/#`,
      'cloister/1/groups/+/desired',
      `$share/x/${topics.presence(own)}`
    ];
    for (const filter of denied) assert.equal(maySubscribe(own, account, filter), false, filter);
  });

  it('never lets an endpoint write in another’s name', () => {
    const level = fc.constantFrom(
      'cloister',
      '1',
      'accounts',
      'endpoints',
      'groups',
      'inbox',
      'presence',
      'settings',
      'desired',
      'reported',
      own,
      other,
      account,
      '+',
      '#',
      '',
      'x'
    );
    fc.assert(
      fc.property(fc.array(level, { maxLength: 7 }), (levels) => {
        const topic = levels.join('/');
        if (mayPublish(own, account, topic))
          assert.ok(levels.at(-1) === own || levels[3] === own || (levels[3] === account && levels[4] === 'settings'), topic);
      }),
      { numRuns: 2_000 }
    );
  });

  it('writes the account’s rules for a broker that knows patterns only', () => {
    assert.deepEqual(brokerRulesFor(own, account), [
      `user ${own}`,
      `topic read cloister/1/accounts/${account}/inbox/+`,
      `topic readwrite cloister/1/accounts/${account}/settings`
    ]);
  });
});
