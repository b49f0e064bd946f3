import { afterEach, describe, expect, it } from 'vitest';
import type { ActorContext, Behavior } from '../behavior.js';
import type { Incident } from '../kernel.js';
import type { ActorRef, Terminated } from '../refs.js';
import { systemRuntime } from '../runtime.js';
import { createSystem } from '../system.js';
import type { ActorSystem } from '../system.js';
import { testOptions } from '../testkit/options.js';
import { probe } from '../testkit/probe.js';
import type { Echo, EchoArgs, Guard } from '../testkit/thread-entries.js';
import { until } from '../testkit/until.js';
import { builtUrl, workerUrl } from './entry.js';
import type { Entry, ThreadPool } from './entry.js';
import { createThreadPool } from './pool.js';
import { REMOTE_WINDOW } from './windows.js';

const BOUND_MS = 5_000;
const module = new URL('../testkit/thread-entries.ts', import.meta.url);
const echo: Entry<Echo, EchoArgs> = { module, export: 'echo' };
const guard: Entry<string, Guard> = { module, export: 'guard' };
const relay: Entry<string, ActorRef<string>> = { module, export: 'relay' };

let system: ActorSystem;
const incidents: Incident[] = [];

function open(size = 1): ThreadPool {
  system = createSystem(systemRuntime('test'));
  incidents.length = 0;
  system.incidents$.subscribe((incident) => incidents.push(incident));
  return createThreadPool(size);
}

afterEach(() => system.shutdown(1_000));

function spawnEcho(pool: ThreadPool, name = 'echo', thread = 0) {
  const greet = probe<string>();
  const ref = system.spawnOn(pool, echo, { greet }, { name, thread });
  return { greet, ref };
}

/** Watches from an actor of the main thread. */
function watchdog(target: ActorRef<never>) {
  const ends = probe<Terminated>();
  const behavior: Behavior<Terminated, null> = {
    name: 'watchdog',
    start(_args, context: ActorContext<Terminated>) {
      context.watch(target, (end) => end);
      return null;
    },
    receive(state, end) {
      ends.tell(end);
      return state;
    },
  };
  system.spawn(behavior, undefined, testOptions('watchdog'));
  return ends;
}

describe('an actor in a thread', () => {
  it('answers, in order, and is asked like any other', async () => {
    const { ref, greet } = spawnEcho(open());
    const replies = probe<string>();
    for (const text of ['1', '2', '3']) ref.tell({ kind: 'echo', text, replyTo: replies });
    expect(await replies.first(3, BOUND_MS)).toEqual(['1', '2', '3']);
    expect(greet.messages).toEqual(['started']);
    const asked = await system.ask<Echo, string>(
      ref,
      (replyTo) => ({ kind: 'echo', text: 'hi', replyTo }),
      BOUND_MS,
    );
    expect(asked).toEqual({ ok: true, value: 'hi' });
  });

  it('loses and doubles nothing under more than its mailbox and its window hold', async () => {
    const { ref } = spawnEcho(open());
    const replies = probe<string>();
    const count = REMOTE_WINDOW * 2;
    let sent = 0;
    await until(() => {
      while (sent < count) {
        const admit = ref.tell({ kind: 'echo', text: `${sent}`, replyTo: replies });
        if (admit !== 'accepted') break;
        sent += 1;
      }
      return sent === count;
    }, BOUND_MS);
    const got = await replies.first(count, BOUND_MS);
    expect(got).toEqual(Array.from({ length: count }, (_, n) => `${n}`));
  });

  it('is full when the window is used up, without the thread having had a turn', () => {
    const { ref, greet } = spawnEcho(open());
    const admits = new Set<string>();
    for (let n = 0; n < REMOTE_WINDOW; n++) {
      admits.add(ref.tell({ kind: 'forward', to: greet, text: 'x' }));
    }
    expect([...admits]).toEqual(['accepted']);
    expect(ref.tell({ kind: 'forward', to: greet, text: 'x' })).toBe('full');
  });

  it('talks to another thread, through refs that travel in arguments and messages', async () => {
    const pool = open(2);
    const { ref } = spawnEcho(pool, 'echo', 0);
    const end = probe<string>();
    const between = system.spawnOn(pool, relay, end, { name: 'relay', thread: 1 });
    expect(between.address.thread).not.toBe(ref.address.thread);
    for (const text of ['a', 'b']) ref.tell({ kind: 'forward', to: between, text });
    expect(await end.first(2, BOUND_MS)).toEqual(['a', 'b']);
  });

  it('stops once, however often it is asked, and its watcher hears why', async () => {
    const { ref, greet } = spawnEcho(open());
    const ends = watchdog(ref);
    await greet.first(1, BOUND_MS);
    system.stop(ref);
    system.stop(ref);
    expect(await ends.first(1, BOUND_MS)).toMatchObject([{ reason: 'asked' }]);
    expect(greet.messages).toEqual(['started', 'stopped asked']);
    expect(ref.tell({ kind: 'stop' })).toBe('gone');
    system.stop(ref);
  });

  it('restarts in its thread, and escalates to its parent here', async () => {
    const { ref, greet } = spawnEcho(open());
    const ends = watchdog(ref);
    ref.tell({ kind: 'fail' });
    await greet.first(3, BOUND_MS);
    expect(greet.messages).toEqual(['started', 'stopped failed', 'started']);
    ref.tell({ kind: 'fail' });
    const [end] = await ends.first(1, BOUND_MS);
    expect(end).toMatchObject({ reason: 'failed', error: new Error('told to fail') });
    expect(incidents.map(({ outcome, behavior }) => [outcome, behavior])).toEqual([
      ['restart', 'echo'],
      ['escalate', 'echo'],
    ]);
  });

  it('ends with its parent, before it', async () => {
    const pool = open();
    const greet = probe<string>();
    const log: string[] = [];
    const parent: Behavior<string, null> = {
      name: 'parent',
      start(_args, context) {
        context.spawnOn(pool, echo, { greet }, { name: 'echo' });
        return null;
      },
      receive: (state) => state,
      stopped: (_state, reason) => log.push(...greet.messages, `parent ${reason}`),
    };
    const ref = system.spawn(parent, undefined, testOptions('parent'));
    await greet.first(1, BOUND_MS);
    system.stop(ref);
    await until(() => log.length > 0, BOUND_MS);
    expect(log).toEqual(['started', 'stopped parent', 'parent asked']);
  });
});

describe('a thread that dies', () => {
  it('yields Terminated for its refs, once, and takes no more messages', async () => {
    const { ref, greet } = spawnEcho(open());
    const ends = watchdog(ref);
    await greet.first(1, BOUND_MS);
    ref.tell({ kind: 'crash' });
    const [end] = await ends.first(1, BOUND_MS);
    expect(end).toMatchObject({ address: ref.address, reason: 'thread-lost' });
    expect(String(end?.error)).toContain('code 7');
    expect(ref.tell({ kind: 'stop' })).toBe('gone');
    expect(incidents.map(({ outcome }) => outcome)).toEqual(['thread-lost']);
    await system.shutdown(1_000);
    expect(ends.messages.length).toBe(1);
    // Its `stopped` could not run; nobody else's did for it.
    expect(greet.messages).toEqual(['started']);
  });

  it('is told to watchers in other threads, now and in time to come', async () => {
    const pool = open(2);
    const { ref, greet } = spawnEcho(pool, 'echo', 0);
    const told = probe<string>();
    const watch = (name: string) =>
      system.spawnOn(pool, guard, { target: ref, told }, { name, thread: 1 });
    watch('now');
    await told.first(1, BOUND_MS);
    await greet.first(1, BOUND_MS);
    ref.tell({ kind: 'crash' });
    expect(await told.first(2, BOUND_MS)).toEqual(['watching', 'thread-lost']);
    watch('later');
    const all = ['watching', 'thread-lost', 'watching', 'thread-lost'];
    expect(await told.first(4, BOUND_MS)).toEqual(all);
  });

  it('has its place filled again by the next spawn', async () => {
    const pool = open();
    const first = spawnEcho(pool, 'a');
    await first.greet.first(1, BOUND_MS);
    first.ref.tell({ kind: 'crash' });
    await until(() => first.ref.tell({ kind: 'stop' }) === 'gone', BOUND_MS);
    expect(await watchdog(first.ref).first(1, BOUND_MS)).toMatchObject([{ reason: 'thread-lost' }]);
    const second = spawnEcho(pool, 'a');
    await second.greet.first(1, BOUND_MS);
    expect(second.ref.address.thread).not.toBe(first.ref.address.thread);
  });

  it('wakes who waited for room', async () => {
    const { ref, greet } = spawnEcho(open());
    await greet.first(1, BOUND_MS);
    ref.tell({ kind: 'crash' });
    while (ref.tell({ kind: 'forward', to: greet, text: 'x' }) === 'accepted');
    let woken = 0;
    (ref as unknown as { whenRoom: (run: () => void) => void }).whenRoom(() => (woken += 1));
    await until(() => woken === 1, BOUND_MS);
  });

  it('that hangs is terminated by the shutdown, within its bound', async () => {
    const { ref, greet } = spawnEcho(open());
    const ends = watchdog(ref);
    await greet.first(1, BOUND_MS);
    ref.tell({ kind: 'block' });
    // It must have taken the message: a stop that came first would be obeyed.
    const asked = system.ask<Echo, string>(
      ref,
      (replyTo) => ({ kind: 'echo', text: 'x', replyTo }),
      100,
    );
    expect(await asked).toEqual({ ok: false, why: 'timeout' });
    await system.shutdown(50);
    expect(ref.tell({ kind: 'stop' })).toBe('gone');
    expect(incidents.map(({ outcome }) => outcome)).toEqual(['thread-lost']);
    expect(ends.messages.length).toBeLessThanOrEqual(1);
  });
});

describe('what cannot cross', () => {
  it('a message is reported, the others of its batch go on', async () => {
    const { ref } = spawnEcho(open());
    const replies = probe<string>();
    const bad = { kind: 'echo', text: () => 'a closure', replyTo: replies } as unknown as Echo;
    ref.tell({ kind: 'echo', text: '1', replyTo: replies });
    ref.tell(bad);
    ref.tell({ kind: 'echo', text: '2', replyTo: replies });
    expect(await replies.first(2, BOUND_MS)).toEqual(['1', '2']);
    expect(incidents).toMatchObject([{ outcome: 'dropped', address: { path: 'echo' } }]);
  });

  it('arguments end the child as failed, and so does a missing export', async () => {
    const pool = open();
    const args = { greet: probe<string>(), oops: () => 1 };
    const first = system.spawnOn(pool, echo, args, { name: 'a' });
    await until(() => first.tell({ kind: 'stop' }) === 'gone', BOUND_MS);
    expect(incidents).toMatchObject([{ outcome: 'escalate', address: { path: 'a' } }]);
    await system.shutdown(1_000);
    const other = open();
    const missing = system.spawnOn(other, { module, export: 'nope' }, undefined, { name: 'a' });
    const [end] = await watchdog(missing).first(1, BOUND_MS);
    expect(String(end?.error)).toContain('exports no ThreadEntry named nope');
  });
});

describe('urls and keys', () => {
  it('map sources to dist, and nothing else', () => {
    const src = 'file:///home/apps/orrery/libs/actor/src/a.ts';
    const built = 'file:///home/apps/orrery/dist/libs/actor/src/a.js';
    expect(workerUrl(src, './a').href).toBe(built);
    expect(workerUrl(built, './a').href).toBe(built);
    expect(builtUrl(new URL(built)).href).toBe(built);
  });

  it('pick spreads keys, the same way each time', () => {
    const pool = open(4);
    const picks = Array.from({ length: 400 }, (_, n) => pool.pick(`p${n}`));
    expect(picks).toEqual(Array.from({ length: 400 }, (_, n) => createThreadPool(4).pick(`p${n}`)));
    for (const place of [0, 1, 2, 3]) {
      expect(picks.filter((p) => p === place).length).toBeGreaterThan(50);
    }
    expect(() => createThreadPool(0)).toThrow('size is 0');
  });
});
