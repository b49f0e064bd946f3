import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type RunFacts, type Token, isFinal } from '../run/run.js';
import type { CommandAction } from './command.js';
import { FakeExecutor } from './rig/executor.js';
import { Rig } from './rig/rig.js';
import { LIMITS, tokenKey } from './state.js';

/** Two in five are of a job; one in three waits for a time, one in four has a start deadline. */
function submission(now: number, pick: number): Partial<RunFacts> {
  return {
    job: pick % 5 < 2 ? 'j' : null,
    due: pick % 3 === 0 ? now + pick * 50 : null,
    expires: pick % 4 === 0 ? now + 1_000 + pick * 100 : null,
  };
}

const OPS = [
  'submit',
  'match',
  'deliver',
  'start',
  'succeed',
  'fail',
  'bounce',
  'silent',
  'digest',
  'command',
  'hold',
  'tick',
  'commit',
  'crash',
  'repeat',
  'read',
] as const;
type Op = { readonly op: (typeof OPS)[number]; readonly pick: number };

export class World {
  readonly rig = new Rig({
    limits: { window: 3, windowLow: 2, expiries: 3, closed: 2 },
    lazyReads: true,
  });
  readonly executors = [new FakeExecutor('x1'), new FakeExecutor('x2')];
  /** Everything ever sent down: any of it may arrive, any number of times, in any order. */
  private submitted = 0;
  /** By number, as their inbox rows have it. */
  private readonly commands: { readonly run: string; readonly action: CommandAction }[] = [];
  private delivered = 0;
  private holds = 0;

  play({ op, pick }: Op): void {
    const { rig } = this;
    const executor = this.executors[pick % this.executors.length] as FakeExecutor;
    const entries = [...executor.held.values()];
    const entry = entries[pick % Math.max(1, entries.length)];
    const run = `r${pick % Math.max(1, this.submitted)}`;
    switch (op) {
      case 'submit':
        rig.submit(`r${this.submitted++}`, submission(rig.now, pick));
        return;
      case 'match':
        rig.match(run, executor.id, executor.incarnation);
        return;
      case 'deliver':
        this.deliver(this.delivered++);
        return;
      case 'repeat':
        this.deliver(pick);
        return;
      case 'start':
        if (entry === undefined) return;
        executor.start(entry.token);
        if (entry.phase === 'started') rig.step({ kind: 'started', token: entry.token, agoMs: 0 });
        return;
      case 'succeed':
      case 'fail':
        this.end(entry, op === 'succeed' ? 'SUCCEEDED' : 'FAILED');
        return;
      case 'bounce':
        if (entry?.phase !== 'accepted') return;
        executor.held.delete(tokenKey(entry.token));
        executor.refused.add(tokenKey(entry.token));
        rig.step({ kind: 'bounce', token: entry.token, reason: 'full' });
        return;
      case 'silent':
        rig.step({ kind: 'silent', executor: executor.id });
        return;
      case 'digest':
        rig.step(executor.digest());
        return;
      case 'command':
        if (this.submitted > 0) this.command(run, actionOf(pick));
        return;
      case 'hold':
        this.hold(pick % 2 === 0);
        return;
      case 'tick':
        rig.tick(pick * 100);
        return;
      case 'commit':
        rig.commit();
        return;
      case 'read':
        rig.read();
        return;
      case 'crash':
        rig.crash();
        return;
      default: {
        const never: never = op;
        return never;
      }
    }
  }

  private command(run: string, action: CommandAction): void {
    this.commands.push({ run, action });
    this.rig.command(`c${this.commands.length - 1}`, run, action);
  }

  private hold(isPaused: boolean): void {
    const hold = isPaused ? { by: 'me', reason: 'asked' } : null;
    this.rig.hold(`h${this.holds++}`, 'j', hold);
  }

  private end(
    entry: { token: Token; phase: string } | undefined,
    outcome: 'SUCCEEDED' | 'FAILED' | 'CANCELLED',
  ): void {
    if (entry === undefined || entry.phase === 'accepted') return;
    entry.phase = 'ended';
    this.rig.result(entry.token, outcome);
  }

  private deliver(at: number): void {
    const effect = this.rig.sent[at % Math.max(1, this.rig.sent.length)];
    if (effect === undefined || !('token' in effect)) return;
    const executor = this.executors.find((x) => x.id === effect.token.executor);
    if (effect.kind === 'assign') executor?.assign(effect.token);
    else if (effect.kind === 'stop') executor?.stop(effect.token);
    else if (effect.kind === 'ack') executor?.acked(effect.token);
  }

  /** No more faults: everything is heard, sooner or later every run must end. */
  calm(): void {
    const { rig } = this;
    let heard = rig.sent.length;
    this.hold(false);
    for (let round = 0; round < 400 && this.unfinished() > 0; round++) {
      rig.commit();
      for (let i = 0; i < 8; i++) rig.read();
      // What the intake wrote and nobody took in, as the sweep would bring it.
      for (const id of [...rig.inbox]) this.sweep(id);
      for (; heard < rig.sent.length; heard++) this.deliver(heard);
      for (const executor of this.executors) {
        rig.step({ kind: 'heard', executor: executor.id, incarnation: executor.incarnation });
        rig.step(executor.digest());
        for (const entry of [...executor.held.values()]) {
          if (entry.phase === 'accepted') executor.start(entry.token);
          else this.end(entry, 'SUCCEEDED');
        }
      }
      for (const cell of [...rig.rows.values()]) {
        if (cell.state === 'PAUSED') this.command(cell.facts.id, { kind: 'resume' });
      }
      for (const cell of [...rig.state.cells.values()]) {
        if (cell.state === 'READY') rig.match(cell.facts.id, `x${1 + (round % 2)}`);
      }
      rig.tick(2_000);
      rig.commit();
    }
  }

  private sweep(id: string): void {
    const { rig } = this;
    const row = rig.rows.get(id);
    if (id.startsWith('h')) {
      rig.step({ kind: 'job-changed', inbox: id, job: 'j' });
    } else if (row !== undefined) {
      rig.step({ kind: 'submitted', inbox: id, cell: structuredClone(row) });
    } else {
      const command = this.commands[Number(id.slice(1))];
      if (command !== undefined) rig.command(id, command.run, command.action);
    }
  }

  unfinished(): number {
    return this.rig.rows.size + this.rig.inbox.size;
  }
}

function actionOf(pick: number): CommandAction {
  const actions: readonly CommandAction[] = [
    { kind: 'cancel', graceMs: null, force: pick % 5 === 0 },
    { kind: 'pause' },
    { kind: 'resume' },
    { kind: 'update', change: { priority: 1 + (pick % 10) } },
    { kind: 'update', change: { afterMs: pick * 50, params: `"${pick}"` } },
    { kind: 'mark', as: pick % 2 === 0 ? 'SUCCEEDED' : 'SKIPPED', result: null },
  ];
  return actions[pick % actions.length] as CommandAction;
}

const ops: fc.Arbitrary<Op[]> = fc.array(
  fc.record({ op: fc.constantFrom(...OPS), pick: fc.nat(40) }),
  { minLength: 5, maxLength: 120 },
);

describe('whatever is repeated, reordered, lost or crashed', () => {
  // P1, P3, P4 and P7 are checked by the rig at every commit.
  test('a token starts at most once, and after calm every run is final (P1, P2, P3)', () => {
    fc.assert(
      fc.property(ops, (play) => {
        const world = new World();
        for (const op of play) world.play(op);
        world.calm();
        for (const executor of world.executors) {
          for (const count of executor.starts.values()) expect(count).toBe(1);
        }
        expect(world.unfinished()).toBe(0);
        for (const cell of world.rig.history.values()) expect(isFinal(cell.state)).toBe(true);
        expect(world.rig.state.open.size).toBe(0);
        expect(world.rig.state.cells.size).toBe(0);
        expect(world.rig.state.byExecutor.size).toBe(0);
      }),
      { numRuns: 3_000 },
    );
  });

  test('the same messages give the same journal: nothing is drawn, nothing is timed', () => {
    fc.assert(
      fc.property(ops, (play) => {
        const [a, b] = [new World(), new World()];
        for (const op of play) for (const world of [a, b]) world.play(op);
        for (const world of [a, b]) world.rig.commit();
        expect(a.rig.journal).toEqual(b.rig.journal);
      }),
      { numRuns: 50 },
    );
  });
});

describe('memory is bounded by windows (P5, P6)', () => {
  test('many more waiting runs than a window: all are granted, in order of rank', () => {
    const rig = new Rig();
    const total = LIMITS.window * 4;
    for (let i = 0; i < total; i++) {
      rig.now++;
      rig.submit(`r${String(i).padStart(5, '0')}`);
      if (i % 50 === 0) rig.commit();
    }
    rig.commit();
    expect(rig.state.cells.size).toBeLessThanOrEqual(LIMITS.window);
    const order: string[] = [];
    while (order.length < total) {
      const waiting = [...rig.state.cells.values()]
        .filter((cell) => cell.state === 'READY')
        .sort((a, b) => a.rank - b.rank);
      const next = waiting[0];
      if (next === undefined) break;
      order.push(next.facts.id);
      rig.match(next.facts.id);
      rig.result(rig.tokenOf(next.facts.id));
      rig.commit();
    }
    expect(order).toHaveLength(total);
    expect(order).toEqual([...order].sort());
  });

  test('with crashes in between, none is forgotten', () => {
    const rig = new Rig();
    const total = LIMITS.window * 3;
    for (let i = 0; i < total; i++) rig.submit(`r${i}`, { due: i % 3 === 0 ? rig.now + i : null });
    rig.commit();
    let ended = 0;
    for (let round = 0; rig.rows.size > 0 && round < total * 3; round++) {
      rig.tick(50);
      const next = [...rig.state.cells.values()].find((cell) => cell.state === 'READY');
      if (next !== undefined) {
        rig.match(next.facts.id);
        rig.result(rig.tokenOf(next.facts.id));
        ended++;
      }
      rig.commit();
      if (round % 97 === 0) rig.crash();
    }
    expect(rig.rows.size).toBe(0);
    expect(ended).toBe(total);
  });
});
