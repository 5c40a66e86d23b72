// One path after the other: when a new one is looked for, which of two sides goes on, when sending moves, and what cannot be brought about by signaling alone.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { silentLog } from '../../../../src/kernel/log.ts';
import { createPathSwitch, type PathTerms } from '../../../../src/media/path/path-switch.ts';
import { createFakeClock } from '../../../fakes/clock.ts';
import { createFakePath, type FakePath } from '../../../fakes/path.ts';

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
const termsOf = (iceUfrag: string): PathTerms => ({
  iceUfrag,
  icePassword: 'p'.repeat(22),
  candidates: [`candidate:1 1 udp 1 198.51.100.1 2000 typ host ufrag ${iceUfrag}`],
  endOfCandidates: true
});

/** A side whose first path is nominated. */
async function connected(controlling = true) {
  const clock = createFakeClock();
  const paths: FakePath[] = [];
  const asks: (readonly string[])[] = [];
  const said: string[] = [];
  const restarts: PathTerms[] = [];
  const both = createPathSwitch({
    controlling,
    iceServers: [],
    clock,
    log: silentLog,
    createPath: ({ iceServers }) => {
      const path = createFakePath(`own${paths.length}`);
      asks.push(iceServers.map(({ urls, credential }) => `${urls} ${credential}`));
      path.consentAtMs = clock.monotonicMs();
      paths.push(path);
      return path;
    }
  });
  both.on('restart', (terms) => restarts.push(terms));
  both.on('lost', () => said.push('lost'));
  both.on('moved', () => said.push('moved'));
  both.on('silent', (silent) => said.push(silent ? 'silent' : 'heard'));
  await both.open();
  both.meet(termsOf('peer0'));
  const connecting = both.connect();
  paths[0]?.nominate();
  await connecting;
  const at = (index: number): FakePath => {
    const path = paths[index];
    assert.ok(path, `no path ${index}`);
    return path;
  };
  const open = () => paths.filter((path) => !path.closed).map(({ iceUfrag }) => iceUfrag);
  const sendsOn = () => {
    both.send(Buffer.from('x'));
    return paths.findIndex((path) => path.sent.splice(0).length > 0);
  };
  return { paths: both, clock, made: paths, asks, at, said, restarts, open, sendsOn };
}

type Side = Awaited<ReturnType<typeof connected>>;

async function silence(side: Side, index = 0): Promise<void> {
  side.at(index).emit('silent', true);
  await settled();
}

describe('a path that falls silent', () => {
  it('makes a new one, and sending moves to it when it is nominated, not before', async () => {
    const side = await connected();
    await silence(side);
    assert.deepEqual(
      side.restarts.map(({ iceUfrag, candidates }) => [iceUfrag, candidates.length]),
      [['own1', 1]]
    );
    assert.equal(side.sendsOn(), 0);
    assert.equal(side.at(1).connecting, false);
    side.paths.settleRestart('own1', termsOf('peer1'));
    assert.deepEqual([side.at(1).remote, side.at(1).connecting], [['peer1'], true]);
    assert.equal(side.sendsOn(), 0);
    side.at(1).nominate();
    await settled();
    assert.equal(side.sendsOn(), 1);
    assert.deepEqual(side.said, ['silent', 'moved', 'heard']);
  });

  it('takes the answer of a peer that does not say which update it answers for the one that waits', async () => {
    const side = await connected();
    side.paths.settleRestart(undefined, termsOf('peer0'));
    await silence(side);
    side.paths.settleRestart(undefined, termsOf('peer1'));
    side.paths.settleRestart(undefined, termsOf('peer2'));
    assert.deepEqual([side.at(1).remote, side.at(1).connecting], [['peer1'], true]);
  });

  it('is still listened to until the other side was heard on the new one, and a second more', async () => {
    const side = await connected();
    const got: string[] = [];
    side.paths.on('datagram', (datagram) => {
      got.push(datagram.toString());
      side.paths.alive();
    });
    await silence(side);
    side.paths.settleRestart('own1', termsOf('peer1'));
    side.at(1).nominate();
    await settled();
    side.at(0).emit('datagram', Buffer.from('late'), 'a');
    await side.clock.advanceAsync(5_000);
    assert.equal(side.at(0).closed, false);
    // What comes on the old path is no sign of life of the new one.
    assert.deepEqual([side.at(0).heard, side.at(1).heard], [1, 0]);
    side.at(1).emit('datagram', Buffer.from('first'), 'b');
    assert.deepEqual([got, side.at(1).heard], [['late', 'first'], 1]);
    await side.clock.advanceAsync(999);
    assert.equal(side.at(0).closed, false);
    await side.clock.advanceAsync(1);
    assert.equal(side.at(0).closed, true);
  });

  it('is closed in the end also when nothing is heard on the new one', async () => {
    const side = await connected();
    await silence(side);
    side.paths.settleRestart('own1', termsOf('peer1'));
    side.at(1).nominate();
    await settled();
    await side.clock.advanceAsync(10_000);
    assert.deepEqual(side.open(), ['own1']);
  });

  it('is closed, and the one before it too, when one new one follows the other', async () => {
    const side = await connected();
    for (const index of [1, 2]) {
      await silence(side, index - 1);
      side.paths.settleRestart(`own${index}`, termsOf(`peer${index}`));
      side.at(index).nominate();
      await settled();
    }
    assert.deepEqual(side.open(), ['own1', 'own2']);
    await side.clock.advanceAsync(10_000);
    assert.deepEqual(side.open(), ['own2']);
  });

  it('is tried anew while the silence lasts, after 3, 6 and 12 s, each time with new credentials and no more than one at a time', async () => {
    const side = await connected();
    await silence(side);
    const counts: number[] = [];
    for (let second = 0; second < 28; second++) {
      await side.clock.advanceAsync(1_000);
      await settled();
      assert.equal(side.open().length, 2);
      counts.push(side.restarts.length);
    }
    assert.deepEqual([counts[1], counts[2], counts[7], counts[8], counts[19], counts[20]], [1, 2, 2, 3, 3, 4]);
    assert.equal(new Set(side.restarts.map(({ iceUfrag }) => iceUfrag)).size, side.restarts.length);
  });

  it('is kept when it is heard again and no new one was found', async () => {
    const side = await connected();
    await silence(side);
    side.at(0).emit('silent', false);
    await side.clock.advanceAsync(20_000);
    assert.deepEqual([side.open(), side.restarts.length, side.sendsOn()], [['own0'], 1, 0]);
  });
});

describe('a call without consent', () => {
  it('is lost before 30 s are over, with all its paths, and not earlier although the path says it is gone', async () => {
    const side = await connected();
    side.at(0).emit('lost');
    await settled();
    assert.deepEqual([side.said, side.restarts.length], [['silent'], 1]);
    await side.clock.advanceAsync(28_500);
    assert.deepEqual(side.said, ['silent']);
    await side.clock.advanceAsync(1_000);
    assert.deepEqual(side.said, ['silent', 'lost']);
    assert.deepEqual([side.open(), side.clock.pending], [[], 0]);
  });

  it('goes on when a new path is found meanwhile', async () => {
    const side = await connected();
    side.at(0).emit('lost');
    await settled();
    await side.clock.advanceAsync(2_000);
    side.paths.settleRestart('own1', termsOf('peer1'));
    side.at(1).nominate();
    await settled();
    for (let second = 0; second < 60; second++) {
      side.at(1).consentAtMs = side.clock.monotonicMs();
      await side.clock.advanceAsync(1_000);
    }
    assert.deepEqual(side.said, ['silent', 'moved', 'heard']);
  });

  it('is lost at once where nothing was connected yet', async () => {
    const path = createFakePath('own');
    const paths = createPathSwitch({ controlling: true, iceServers: [], clock: createFakeClock(), log: silentLog, createPath: () => path });
    let lost = 0;
    paths.on('lost', () => {
      lost += 1;
    });
    path.emit('lost');
    assert.equal(lost, 1);
  });
});

describe('a change of addresses', () => {
  it('makes a new path where the present one is not of them, and at once another when they change again', async () => {
    const side = await connected();
    side.paths.networkChanged(['192.0.2.1']);
    assert.equal(side.made.length, 1);
    side.at(0).outdated = true;
    side.paths.networkChanged(['192.0.2.2']);
    side.paths.networkChanged(['192.0.2.3']);
    await settled();
    assert.deepEqual(
      side.restarts.map(({ iceUfrag }) => iceUfrag),
      ['own2']
    );
    assert.deepEqual(side.open(), ['own0', 'own2']);
  });
});

describe('a better address, of which the other side does not want to know', () => {
  it('is tried three times, and then once a minute, as long as the present path is heard', async () => {
    const side = await connected();
    const run = async (seconds: number): Promise<number> => {
      for (let second = 0; second < seconds; second += 1) {
        for (const made of side.made) made.consentAtMs = side.clock.monotonicMs();
        await side.clock.advanceAsync(1_000);
        await settled();
      }
      return side.restarts.length;
    };
    side.at(0).outdated = true;
    side.paths.networkChanged(['192.0.2.2']);
    assert.equal(await run(20), 3);
    assert.equal(await run(60), 3);
    const inAnHour = await run(3_600);
    assert.ok(inAnHour > 40 && inAnHour < 60, `${inAnHour}`);
    assert.deepEqual([side.said, side.sendsOn()], [[], 0]);
  });

  it('is tried at once when the present path falls silent meanwhile, and when the addresses change again', async () => {
    const side = await connected();
    side.at(0).outdated = true;
    side.paths.networkChanged(['192.0.2.2']);
    await side.clock.advanceAsync(25_000);
    assert.deepEqual([side.restarts.length, side.open()], [3, ['own0']]);
    side.paths.networkChanged(['192.0.2.3']);
    await settled();
    assert.equal(side.restarts.length, 4);
    side.at(0).consentAtMs = side.clock.monotonicMs();
    await side.clock.advanceAsync(13_000);
    assert.deepEqual(side.open(), ['own0']);
    await silence(side);
    assert.equal(side.restarts.length, 5);
    await side.paths.close();
    assert.equal(side.clock.pending, 0);
  });
});

describe('other servers, or another login for them', () => {
  it('are of the next path, whoever begins it, and change nothing on the present one', async () => {
    const side = await connected();
    side.paths.iceServersChanged([{ urls: 'turn:turn.example', username: 'later', credential: 'new' }]);
    assert.deepEqual(side.asks, [[]]);
    await silence(side);
    const joining = side.paths.acceptRestart(termsOf('peer1'));
    await side.clock.advanceAsync(3_000);
    await joining;
    assert.ok(side.asks.length > 1);
    for (const asked of side.asks.slice(1)) assert.deepEqual(asked, ['turn:turn.example new']);
  });
});

describe('the other side’s restart', () => {
  it('is answered and taken', async () => {
    const side = await connected(false);
    const ours = await side.paths.acceptRestart(termsOf('peer1'));
    assert.deepEqual([ours?.iceUfrag, side.at(1).remote, side.at(1).connecting], ['own1', ['peer1'], true]);
    assert.equal(side.sendsOn(), 0);
    side.at(1).nominate();
    await settled();
    assert.equal(side.sendsOn(), 1);
  });

  it('is taken once, however often it comes, also late', async () => {
    const side = await connected();
    assert.ok(await side.paths.acceptRestart(termsOf('peer1')));
    assert.equal(await side.paths.acceptRestart(termsOf('peer1')), null);
    assert.equal(await side.paths.acceptRestart(termsOf('peer0')), null);
    side.at(1).nominate();
    await settled();
    assert.equal(await side.paths.acceptRestart(termsOf('peer1')), null);
    assert.equal(await side.paths.acceptRestart(termsOf('peer0')), null);
    assert.equal(side.made.length, 2);
  });

  it('is given up when it comes to nothing', async () => {
    const side = await connected();
    await side.paths.acceptRestart(termsOf('peer1'));
    side.at(1).fail();
    await side.clock.advanceAsync(6_000);
    assert.deepEqual([side.open(), side.restarts.length], [['own0'], 0]);
  });

  it('at the same time as ours: the offerer goes on, the answerer gives way, and both have one path', async () => {
    const offerer = await connected(true);
    const answerer = await connected(false);
    await Promise.all([silence(offerer), silence(answerer)]);
    assert.equal(await offerer.paths.acceptRestart(termsOf('peer1')), null);
    const answer = await answerer.paths.acceptRestart(termsOf('peer1'));
    assert.equal(answer?.iceUfrag, 'own2');
    // The answer to what the answerer gave up is too late.
    answerer.paths.settleRestart('own1', termsOf('peer2'));
    offerer.paths.settleRestart('own1', termsOf('peer2'));
    for (const [side, index] of [
      [offerer, 1],
      [answerer, 2]
    ] as const) {
      side.at(index).nominate();
      await settled();
      assert.equal(side.sendsOn(), index);
    }
    assert.deepEqual(answerer.open(), ['own0', 'own2']);
  });

  it('is taken although it comes behind some that are outdated: a broker hands over at once what waited while it was away', async () => {
    const side = await connected(false);
    const answers: (PathTerms | null)[] = [];
    for (let index = 1; index <= 8; index++) void side.paths.acceptRestart(termsOf(`peer${index}`)).then((answer) => answers.push(answer));
    await side.clock.advanceAsync(2_000);
    const latest = side.made.at(-1);
    assert.deepEqual([answers.length, latest?.remote], [8, ['peer8']]);
    assert.equal(answers.at(-1)?.iceUfrag, latest?.iceUfrag);
    assert.ok(side.made.length <= 6);
  });

  it('a hundred of them in a second make at most four paths, one at a time, and the last one another', async () => {
    const side = await connected();
    const answered: string[] = [];
    for (let index = 1; index <= 100; index++) {
      void side.paths.acceptRestart(termsOf(`peer${index}`)).then((terms) => terms !== null && answered.push(`peer${index}`));
      await settled();
      assert.ok(side.open().length <= 2);
      await side.clock.advanceAsync(9);
    }
    assert.deepEqual(answered, ['peer1', 'peer2', 'peer3', 'peer4']);
    assert.equal(side.sendsOn(), 0);
    await side.clock.advanceAsync(1_000);
    assert.deepEqual(answered.slice(4), ['peer100']);
  });

  it('that waits for its turn is forgotten with the call', async () => {
    const side = await connected();
    for (let index = 1; index <= 6; index++) void side.paths.acceptRestart(termsOf(`peer${index}`));
    await settled();
    await side.paths.close();
    await side.clock.advanceAsync(5_000);
    assert.deepEqual([side.open(), side.clock.pending], [[], 0]);
  });
});

describe('the answer to a restart', () => {
  it('that belongs to none is ignored: unasked, to another one, a second time', async () => {
    const side = await connected();
    side.paths.settleRestart('own0', termsOf('evil'));
    side.paths.settleRestart('own1', termsOf('evil'));
    assert.equal(side.made.length, 1);
    await silence(side);
    side.paths.settleRestart('own0', termsOf('evil'));
    side.paths.settleRestart('own1', termsOf('peer1'));
    side.paths.settleRestart('own1', termsOf('evil'));
    assert.deepEqual([side.at(0).remote, side.at(1).remote], [['peer0'], ['peer1']]);
  });
});

describe('candidates that trickle', () => {
  const trickled = (ufrag: string, port: number) => `candidate:1 1 udp 1 198.51.100.1 ${port} typ host ufrag ${ufrag}`;

  it('reach the path that they name, before or after it is described; those of another path reach none', async () => {
    const side = await connected();
    await silence(side);
    side.paths.addCandidate(trickled('peer1', 3_001));
    side.paths.addCandidate(trickled('peer0', 3_000));
    side.paths.settleRestart('own1', termsOf('peer1'));
    side.paths.addCandidate(trickled('peer1', 3_002));
    side.paths.addCandidate(trickled('nobody', 3_003));
    const ports = (path: FakePath) => path.remoteCandidates.flatMap((text) => / 30(\d\d) typ/.exec(text)?.[1] ?? []);
    assert.deepEqual([ports(side.at(0)), ports(side.at(1))], [['00'], ['01', '02']]);
  });

  it('are at most 64 for a path', async () => {
    const side = await connected();
    for (let port = 0; port < 200; port++) side.paths.addCandidate(trickled('peer0', 3_000 + port));
    assert.equal(side.at(0).remoteCandidates.filter((text) => text !== 'end').length, 64);
  });
});

describe('whatever is signaled, in whatever order', () => {
  it('there are at most three paths, something is always sent on, and closing leaves nothing', async () => {
    const act = fc.oneof(
      fc.record({ type: fc.constant('update' as const), n: fc.integer({ min: 0, max: 4 }) }),
      fc.record({ type: fc.constant('answer' as const), n: fc.integer({ min: 0, max: 6 }) }),
      fc.record({
        type: fc.constantFrom('silent' as const, 'heard' as const, 'lost' as const, 'nominate' as const, 'fail' as const),
        n: fc.integer({ min: 0, max: 6 })
      }),
      fc.record({ type: fc.constant('time' as const), n: fc.integer({ min: 1, max: 4_000 }) }),
      fc.record({ type: fc.constant('network' as const), n: fc.constant(0) })
    );
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(act, { maxLength: 30 }), async (controlling, acts) => {
        const side = await connected(controlling);
        for (const { type, n } of acts) {
          const path = side.made[n];
          for (const made of side.made) made.consentAtMs = side.clock.monotonicMs();
          if (type === 'update') void side.paths.acceptRestart(termsOf(`peer${n}`));
          else if (type === 'answer') side.paths.settleRestart(`own${n}`, termsOf(`peer${n + 10}`));
          else if (type === 'time') await side.clock.advanceAsync(n);
          else if (type === 'network') {
            for (const made of side.made) made.outdated = true;
            side.paths.networkChanged([]);
          } else if (path?.closed === false) {
            if (type === 'nominate') path.nominate();
            else if (type === 'fail') path.fail();
            else if (type === 'lost') path.emit('lost');
            else path.emit('silent', type === 'silent');
          }
          await settled();
          assert.ok(side.open().length <= 3, side.open().join());
          const index = side.sendsOn();
          assert.ok(index >= 0 && side.made[index]?.closed === false);
        }
        await side.paths.close();
        assert.deepEqual([side.open(), side.clock.pending], [[], 0]);
      }),
      { numRuns: 150 }
    );
  });
});
