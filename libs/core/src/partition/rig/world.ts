import { type RunFacts, type Token, isFrozen } from '../../run/run.js';
import type { CommandAction } from '../command.js';
import { tokenKey } from '../state.js';
import { FakeExecutor } from './executor.js';
import { Rig } from './rig.js';

/** Two in five are of a job; one in three waits for a time, one in four has a start deadline. */
function submission(now: number, pick: number): Partial<RunFacts> {
  return {
    job: pick % 5 < 2 ? 'j' : null,
    due: pick % 3 === 0 ? now + pick * 50 : null,
    expires: pick % 4 === 0 ? now + 1_000 + pick * 100 : null,
  };
}

export const OPS = [
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
  'freeze',
  'hold',
  'tick',
  'commit',
  'crash',
  'repeat',
  'read',
  'audit',
] as const;
export type Op = { readonly op: (typeof OPS)[number]; readonly pick: number };

/** A partition, executors, and whatever may come between them. */
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
  /** Up to here all has arrived, once it is calm. */
  private heard = 0;
  private holds = 0;
  private isCalm = false;

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
        if (this.delivered < rig.sent.length) this.deliver(this.delivered++);
        return;
      case 'repeat':
        this.deliver(pick % 3 === 0 ? this.freezeAt(pick / 3) : pick);
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
        rig.step({ kind: 'silent', executor: executor.id, isHeld: pick % 3 === 0, unheardMs: 0 });
        return;
      case 'digest':
        rig.step(executor.digest());
        return;
      case 'command':
        if (this.submitted > 0) this.command(run, actionOf(pick));
        return;
      case 'freeze':
        this.freezeOrThaw(pick);
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
      case 'audit':
        rig.step({ kind: 'audit' });
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

  /** Runs that run, so that there is something to stop. */
  begin(count: number): void {
    for (let i = 0; i < count; i++) {
      this.play({ op: 'submit', pick: 2 });
      this.rig.commit();
      this.rig.match(`r${i}`, `x${1 + (i % 2)}`);
      this.rig.commit();
    }
    for (const { token } of this.rig.sentOf('assign')) {
      const executor = this.executors.find(({ id }) => id === token.executor);
      executor?.assign(token);
      executor?.start(token);
      this.rig.step({ kind: 'started', token, agoMs: 0 });
    }
    this.rig.commit();
    this.delivered = this.rig.sent.length;
  }

  /** The place of one of the freezes and thaws, which are few among all that was said. */
  private freezeAt(pick: number): number {
    const { sent } = this.rig;
    const places = sent.flatMap(({ kind }, at) => (kind === 'freeze' ? [at] : []));
    return places[pick % Math.max(1, places.length)] ?? pick;
  }

  private freezeOrThaw(pick: number): void {
    const open = [...this.rig.state.open.values()];
    const run = open[pick % Math.max(1, open.length)]?.cell.facts.id;
    if (run !== undefined) this.command(run, { kind: pick % 7 < 3 ? 'resume' : 'freeze' });
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
    else if (effect.kind === 'freeze') {
      const { token, seq } = effect;
      // Every other answer is lost.
      const isHeard = executor?.freeze(effect) === true && (this.isCalm || at % 2 === 0);
      if (isHeard) this.rig.step({ kind: 'froze', token, seq });
    } else if (effect.kind === 'ack') executor?.acked(effect.token);
  }

  /** No more faults: everything is heard, sooner or later every run must end. */
  calm(): void {
    const { rig } = this;
    this.heard = rig.sent.length;
    this.isCalm = true;
    this.hold(false);
    for (let round = 0; round < 400 && this.unfinished() > 0; round++) {
      this.listen();
      for (const executor of this.executors) {
        for (const entry of [...executor.held.values()]) {
          if (entry.phase === 'accepted') executor.start(entry.token);
          else if (!executor.isFrozen(entry.token)) this.end(entry, 'SUCCEEDED');
        }
      }
      for (const { facts, record } of [...rig.state.cells.values()]) {
        if (isFrozen(record)) this.command(facts.id, { kind: 'resume' });
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

  /** All that is on its way arrives, and everybody says what is so. */
  private listen(): void {
    const { rig } = this;
    rig.commit();
    for (let i = 0; i < 8; i++) rig.read();
    // What the intake wrote and nobody took in, as the sweep would bring it.
    for (const id of [...rig.inbox]) this.sweep(id);
    for (; this.heard < rig.sent.length; this.heard++) this.deliver(this.heard);
    for (const executor of this.executors) {
      rig.step({ kind: 'heard', executor: executor.id, incarnation: executor.incarnation });
      rig.step(executor.digest());
    }
  }

  /** Nothing new, and all is heard: who still stands still, or not, against what is wanted. */
  disagreements(): string[] {
    const { rig } = this;
    this.heard = rig.sent.length;
    this.isCalm = true;
    for (let round = 0; round < 4; round++) {
      this.listen();
      rig.tick(2_000);
    }
    this.listen();
    const found: string[] = [];
    for (const { cell, freezeSentAt } of rig.state.open.values()) {
      const { token, record } = cell;
      const executor = this.executors.find(({ id }) => id === token?.executor);
      if (token === null || cell.state !== 'RUNNING') continue;
      if (executor?.held.get(tokenKey(token))?.phase !== 'started') continue;
      const isWanted = isFrozen(record);
      const isSo = executor.isFrozen(token);
      if (freezeSentAt !== null || isSo !== isWanted) {
        found.push(`${token.run}: wanted ${isWanted}, is ${isSo}, said at ${freezeSentAt}`);
      }
    }
    return found;
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
