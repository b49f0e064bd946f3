import { beforeEach, expect, test } from 'vitest';
import { Chaos } from './chaos.js';

interface Fake {
  name: string;
  pid: number | undefined;
  state: 'ready' | 'starting';
  signal: (signal: NodeJS.Signals) => boolean;
}

let did: string[];
let timers: { readonly at: number; readonly run: () => void }[];
let chances: number[];
let victims: Fake[];
let chaos: Chaos;

beforeEach(() => {
  [did, timers, chances] = [[], [], []];
  victims = ['a', 'b'].map((name, i) => ({
    name,
    pid: 100 + i,
    state: 'ready',
    signal: (signal) => did.push(`${name} ${signal}`) > 0,
  }));
  chaos = new Chaos({
    victims: () => victims,
    random: () => chances.shift() ?? 0,
    cut: (name) => did.push(`${name} cut`) > 0,
    mend: (name) => void did.push(`${name} mended`),
    after: (at, run) => {
      const timer = { at, run };
      timers.push(timer);
      return () => void (timers = timers.filter((each) => each !== timer));
    },
    say: (text) => did.push(text),
  });
});

/** The one that was armed first. */
function ring(): number {
  const [timer] = timers.splice(0, 1);
  timer?.run();
  return timer?.at ?? 0;
}

test('it waits a few seconds, kills one, says so, and goes on', () => {
  chances = [0.5, 0.9, 0.1];
  chaos.start();
  expect(did).toEqual([]);
  expect(ring()).toBe(4_000);
  expect(did).toEqual(['b SIGKILL', 'chaos: b is killed']);
  expect(timers).toHaveLength(1);
});

test('it stops one for a while and lets it go on; who stands still is no victim again', () => {
  chances = [0, 0, 0.9, 0.5, 0, 0, 0.1];
  chaos.start();
  ring();
  expect(did.splice(0)).toEqual(['a SIGSTOP', 'chaos: a stands still for 5.0 s']);
  const [thaw, next] = timers;
  timers = [next, thaw].flatMap((timer) => timer ?? []);
  ring();
  expect(did.splice(0)).toEqual(['b SIGKILL', 'chaos: b is killed']);
  ring();
  expect(did).toEqual(['a SIGCONT', 'chaos: a goes on']);
});

test('it cuts one off from the broker, and mends that', () => {
  chances = [0, 0, 0.5, 0.5];
  chaos.start();
  ring();
  expect(did.splice(0)).toEqual(['a cut', 'chaos: a does not reach the broker for 5.0 s']);
  // Killed meanwhile, and begun anew: its way is cut all the same, so it is mended.
  for (const victim of victims) victim.pid = 999;
  ring();
  expect(did).toEqual(['a mended', 'chaos: a reaches the broker again']);
});

test('at its end everybody goes on, and nothing more is done', () => {
  chances = [0, 0, 0.9, 0.5];
  chaos.start();
  ring();
  did = [];
  chaos.stop();
  expect(did).toEqual(['a SIGCONT', 'chaos: a goes on']);
  expect(timers).toEqual([]);
});

test('another process in the place of one that stood still is not touched', () => {
  chances = [0, 0, 0.9, 0.5];
  chaos.start();
  ring();
  did = [];
  for (const victim of victims) victim.pid = 999;
  chaos.stop();
  expect(did).toEqual([]);
});

test('who is not ready is left alone', () => {
  for (const victim of victims) victim.state = 'starting';
  chaos.start();
  ring();
  expect(did).toEqual([]);
  expect(timers).toHaveLength(1);
});
