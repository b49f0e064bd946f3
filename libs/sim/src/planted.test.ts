import { afterEach, describe, expect, test, vi } from 'vitest';
import { CORE_BUGS } from './testkit/core-bugs.js';
import { type Bug, CORE, type Parts, type Plant } from './testkit/plant.js';

const BOUND_MS = 60_000;
const THREAD = '../../thread/src';

afterEach(() => {
  vi.resetModules();
});

const checkOf = (violation: string): string => violation.slice(0, violation.indexOf(':'));

/** The first seed in which one of its checks says that something is wrong, and what. */
async function found(bug: Bug): Promise<string | undefined> {
  vi.resetModules();
  const planted: string[] = [];
  bug.plant((path, change) => {
    planted.push(path);
    vi.doMock(path, async (load) => {
      const original = await load<Parts>();
      return { ...original, ...change(original) };
    });
  });
  try {
    const { runScenario } = await import('./scenario.js');
    const until = Date.now() + BOUND_MS;
    for (let seed = bug.from; Date.now() < until; seed++) {
      const violation = runScenario(seed).violations.find((each) =>
        bug.foundBy.includes(checkOf(each)),
      );
      if (violation !== undefined) return `seed ${seed}: ${violation}`;
    }
    return undefined;
  } finally {
    for (const path of planted) vi.doUnmock(path);
  }
}

type Effects = Record<string, (this: never, ...given: never[]) => unknown>;
/** A class with one of its methods changed. */
function withMethod(of: unknown, name: string, make: (was: never) => unknown): unknown {
  const Changed = class extends (of as new (...given: never[]) => Effects) {};
  const was = (of as { prototype: Effects }).prototype[name];
  Object.defineProperty(Changed.prototype, name, { value: make(was as never) });
  return Changed;
}

interface Pending {
  readonly effect: { readonly kind: string };
}
interface CommitterLike {
  flight: unknown;
  readonly host: { perform(pending: Pending): void; committed(flight: unknown): void };
}
/** Effects of these kinds leave at once, whatever is not yet committed. */
const atOnce = (kinds: readonly string[]) => (plant: Plant) => {
  plant(`${THREAD}/committer.js`, ({ Committer }) => ({
    Committer: withMethod(
      Committer,
      'effect',
      (was: (this: CommitterLike, pending: Pending) => void) =>
        function effect(this: CommitterLike, pending: Pending): void {
          if (kinds.includes(pending.effect.kind)) this.host.perform(pending);
          else was.call(this, pending);
        },
    ),
  }));
};

const BUGS: readonly Bug[] = [
  {
    name: 'an assignment leaves before its grant is committed',
    foundBy: ['at-most-once', 'attempts-are-bounded'],
    from: 11,
    plant: atOnce(['assign']),
  },
  {
    name: 'an ack leaves before the commit of what it acknowledges',
    foundBy: ['acknowledged-is-final'],
    from: 22,
    plant: atOnce(['ack']),
  },
  {
    name: 'a floor does not know of the grants of its own batch',
    foundBy: ['acknowledged-is-final'],
    from: 210,
    plant: (plant) =>
      plant(`${THREAD}/committer.js`, ({ Committer }) => ({
        Committer: withMethod(
          Committer,
          'finish',
          () =>
            function finish(this: CommitterLike, flight: { effects: Pending[] }): void {
              this.flight = undefined;
              this.host.committed(flight);
              for (const pending of flight.effects) this.host.perform(pending);
            },
        ),
      })),
  },
  {
    name: 'a commit does not look at its epoch',
    foundBy: ['one-committing-epoch'],
    from: 31,
    plant: (plant) =>
      plant('./store/commit.js', ({ commitTo }) => ({
        commitTo: (tables: never, writes: { partition: number }[], ...rest: never[]) => {
          const { partitions } = tables as { partitions: { epoch: number }[] };
          const now = writes.map((of) => ({ ...of, epoch: partitions[of.partition]?.epoch }));
          return (commitTo as (...given: unknown[]) => unknown)(tables, now, ...rest);
        },
      })),
  },
  {
    name: 'a reload forgets what waits for a time',
    foundBy: ['self-audit'],
    from: 13,
    plant: (plant) =>
      plant('./store/loads.js', ({ loadsOf }) => ({
        loadsOf: (...given: never[]) => {
          type Loaded = Map<number, { cells: { lane: string }[] }>;
          const loaded = (loadsOf as (...of: never[]) => Loaded)(...given);
          for (const of of loaded.values()) {
            of.cells = of.cells.filter(({ lane }) => lane !== '0');
          }
          return loaded;
        },
      })),
  },
  {
    name: 'a load takes what was not taken in',
    foundBy: ['acknowledged-is-final'],
    from: 10,
    plant: (plant) =>
      plant('./store/loads.js', ({ loadsOf }) => ({
        loadsOf: (
          tables: { partition(id: number): { live: Map<string, { taken: boolean }> } },
          wanted: { partitions: readonly { partition: number }[] },
        ) => {
          for (const { partition } of wanted.partitions) {
            for (const row of tables.partition(partition).live.values()) row.taken = true;
          }
          return (loadsOf as (...given: unknown[]) => unknown)(tables, wanted);
        },
      })),
  },
  {
    name: 'a result counts only under the epoch of now',
    foundBy: ['acknowledged-is-final', 'nothing-is-left'],
    from: 10,
    plant: (plant) =>
      plant(`${THREAD}/host.js`, ({ ThreadHost }) => ({
        ThreadHost: withMethod(
          ThreadHost,
          'up',
          (was: (...given: unknown[]) => void) =>
            function up(
              this: { owned: Map<number, { epoch: number }> },
              executor: string,
              item: { partition: number; token?: { epoch: number } },
            ): void {
              const epoch = this.owned.get(item.partition)?.epoch;
              if (item.token === undefined || item.token.epoch === epoch)
                was.call(this, executor, item);
            },
        ),
      })),
  },
  {
    name: 'silence counts while the broker is away',
    foundBy: ['silence-is-heard'],
    from: 83,
    plant: (plant) =>
      plant(`${THREAD}/fleet/fleet.js`, ({ Fleet }) => ({
        Fleet: withMethod(
          Fleet,
          'link',
          (was: (up: boolean) => void) =>
            function link(this: { state: { hearingSince: number | null } }): void {
              if (this.state.hearingSince === null) was.call(this as never, true);
            },
        ),
      })),
  },
  {
    name: 'who falls silent with most of its pool is lost as if it were alone',
    foundBy: ['mass-loss-waits'],
    from: 23,
    plant: (plant) =>
      plant(`${CORE}/fleet/mass-silence.js`, ({ MassSilence }) => ({
        MassSilence: withMethod(MassSilence, 'holds', () => () => false),
      })),
  },
  {
    name: 'a stale hint is taken in again',
    foundBy: ['journal-is-whole', 'sound-writes'],
    from: 19,
    plant(plant) {
      plant(`${CORE}/partition/state.js`, () => ({ remember: () => undefined }));
      plant('./store/commit.js', ({ commitTo }) => ({
        commitTo: (tables: never, writes: { consumed: string[] }[], ...rest: never[]) => {
          const { partitions } = tables as { partitions: { inbox: Map<string, unknown> }[] };
          const isThere = (id: string) => partitions.some(({ inbox }) => inbox.has(id));
          const now = writes.map((of) => ({ ...of, consumed: of.consumed.filter(isThere) }));
          return (commitTo as (...given: unknown[]) => unknown)(tables, now, ...rest);
        },
      }));
    },
  },
  {
    name: 'an intake is repeated without the id of its batch',
    foundBy: ['journal-is-whole', 'sound-writes'],
    from: 48,
    plant: (plant) =>
      plant('./store/tables.js', ({ Tables }) => ({
        Tables: class extends (Tables as new (n: number) => { intakes: Map<string, number> }) {
          override intakes = new (class extends Map<string, number> {
            override has(): boolean {
              return false;
            }
          })();
        },
      })),
  },
  ...CORE_BUGS,
];

describe('a bug that is planted is found', () => {
  test.each(BUGS)('$name', { timeout: BOUND_MS + 20_000 }, async (bug) => {
    const violation = await found(bug);
    expect(violation, `not found by ${bug.foundBy.join(', ')}`).toBeDefined();
  });
});
