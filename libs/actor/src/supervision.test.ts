import { describe, expect, it } from 'vitest';
import type { ActorContext, Behavior } from './behavior.js';
import type { Incident } from './kernel.js';
import type { ActorRef, StopReason } from './refs.js';
import { Supervisor } from './supervision.js';
import type { SupervisionStrategy } from './supervision.js';
import { ManualClock } from './testkit/manual-clock.js';
import { testOptions, testWorld } from './testkit/options.js';
import { probe } from './testkit/probe.js';
import { recorder } from './testkit/recorder.js';

const child = { node: 'n', thread: 0, path: 'c', incarnation: 1 };
const many = { restarts: 100, within: 1 };

function judged(random: () => number, jitter: number, gapsMs: readonly number[]) {
  const clock = new ManualClock();
  const backoff = { first: 100, max: 1_000, jitter, resetAfter: 5_000 };
  const strategy: SupervisionStrategy = {
    scope: 'one',
    decide: () => 'restart',
    intensity: many,
    backoff,
  };
  const supervisor = new Supervisor(strategy, clock, random);
  return gapsMs.map((gap) => {
    clock.advance(gap);
    return supervisor.judge(child, new Error('x'), undefined).delayMs;
  });
}

describe('back-off', () => {
  it('doubles to its maximum and begins anew after a quiet time', () => {
    const delays = judged(() => 0.5, 0, [0, 10, 10, 10, 10, 10, 5_000]);
    expect(delays).toEqual([100, 200, 400, 800, 1_000, 1_000, 100]);
  });

  it('takes only its part by chance, and never exceeds the maximum', () => {
    expect(judged(() => 0.5, 0.2, [0])).toEqual([90]);
    expect(judged(() => 0.999, 1, [0])[0]).toBeCloseTo(0.1);
    expect(judged(() => 0, 0.2, Array<number>(9).fill(10)).at(-1)).toBe(1_000);
  });
});

describe('supervision', () => {
  type Nursery = 'fail' | 'child';
  /** A parent with one recorder; what ends is told to a probe. */
  function family(decide: 'restart' | 'stop' | 'escalate', restarts = 3) {
    const world = testWorld();
    const ends = probe<StopReason>();
    const logs: string[][] = [];
    const incidents: string[] = [];
    world.system.incidents$.subscribe(({ address, outcome }: Incident) =>
      incidents.push(`${address.path} ${outcome}`),
    );
    let child: ActorRef<string> | undefined;
    let starts = 0;
    const parent: Behavior<Nursery, number> = {
      name: 'parent',
      start(_args, context: ActorContext<Nursery>) {
        starts += 1;
        const log: string[] = [];
        logs.push(log);
        const supervision = { decide: () => decide, intensity: { restarts, within: 1_000 } };
        child = context.spawn(recorder(log), undefined, testOptions('c', { supervision }));
        context.watch(child, ({ reason }) => {
          ends.tell(reason);
          return 'child';
        });
        return 0;
      },
      receive(state, message) {
        if (message === 'fail') throw new Error('parent');
        return state + 1;
      },
      stopped: (_state, reason) => logs.at(-1)?.push(`parent stopped ${reason}`),
    };
    const ref = world.system.spawn(parent, undefined, testOptions('p'));
    world.dispatcher.run();
    const tell = (message: string) => {
      (child as ActorRef<string>).tell(message);
      world.dispatcher.run();
    };
    return { ...world, ref, ends, logs, incidents, tell, starts: () => starts };
  }

  it('stop: the child ends as failed, its watcher hears so, the parent lives', () => {
    const { ends, logs, incidents, tell, starts } = family('stop');
    tell('bad');
    expect(ends.messages).toEqual(['failed']);
    expect(logs[0]).toEqual(['start', 'stopped failed []']);
    expect(incidents).toEqual(['p/c stop']);
    expect(starts()).toBe(1);
  });

  it('escalate: the parent fails and restarts with a new child', () => {
    const { clock, dispatcher, logs, incidents, tell, starts } = family('escalate');
    tell('bad');
    expect(incidents).toEqual(['p/c escalate', 'p restart']);
    clock.advance(10);
    dispatcher.run();
    expect(starts()).toBe(2);
    tell('1');
    expect(logs[1]).toEqual(['start', '1']);
  });

  it('escalates after more than `restarts` within the window, not before', () => {
    const { clock, incidents, tell, starts } = family('restart', 2);
    for (let n = 0; n < 2; n++) {
      tell('bad');
      clock.advance(100);
      tell('1');
    }
    expect(incidents).toEqual(['p/c restart', 'p/c restart']);
    tell('bad');
    expect(incidents.slice(2)).toEqual(['p/c escalate', 'p restart']);
    expect(starts()).toBe(1);
  });

  it('forgets restarts that the window has left behind', () => {
    const { clock, incidents, tell } = family('restart', 1);
    for (let n = 0; n < 5; n++) {
      tell('bad');
      clock.advance(1_000);
      tell('1');
    }
    expect(incidents).toEqual(Array(5).fill('p/c restart'));
  });

  it('a failing parent ends its children first, and spawns them again', () => {
    const { clock, dispatcher, ref, ends, logs, tell, starts } = family('restart');
    ref.tell('fail');
    dispatcher.run();
    expect(logs[0]).toEqual(['start', 'stopped parent []', 'parent stopped failed']);
    clock.advance(10);
    dispatcher.run();
    tell('1');
    expect(logs[1]).toEqual(['start', '1']);
    expect(starts()).toBe(2);
    // The watch belonged to the life that failed.
    expect(ends.messages).toEqual([]);
  });

  it('a decide that throws ends the actor instead of leaving it half alive', () => {
    const { dispatcher, system } = testWorld();
    const log: string[] = [];
    const decide = (): never => {
      throw new Error('undecided');
    };
    const options = testOptions<string, string[]>('a', { supervision: { decide } });
    const ref = system.spawn(recorder(log), undefined, options);
    ref.tell('bad');
    dispatcher.run();
    expect(ref.tell('1')).toBe('gone');
    expect(log).toEqual(['start', 'stopped failed []']);
  });

  it('reports a stopped that throws, and ends all the same', () => {
    const { dispatcher, system } = testWorld();
    const outcomes: string[] = [];
    system.incidents$.subscribe(({ outcome }) => outcomes.push(outcome));
    const behavior: Behavior<string, number> = {
      name: 'a',
      start: () => 0,
      receive: (state) => state,
      stopped() {
        throw new Error('disk full');
      },
    };
    const ref = system.spawn(behavior, undefined, testOptions('a'));
    dispatcher.run();
    system.stop(ref);
    expect(outcomes).toEqual(['dropped']);
    expect(ref.tell('x')).toBe('gone');
  });
});
