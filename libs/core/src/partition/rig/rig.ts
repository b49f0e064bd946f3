import { assertEdge } from '../../run/edges.js';
import {
  type Cell,
  type Outcome,
  type Policy,
  type RunFacts,
  type RunRecord,
  type Token,
  isFinal,
} from '../../run/run.js';
import type { CommandAction, CommandOutcome } from '../command.js';
import type { Effect } from '../effects.js';
import type {
  Hold,
  PartitionMessage,
  PartitionOutput,
  ResultReport,
  RunEvent,
  Soft,
  Write,
} from '../messages.js';
import { loadPartition, partitionMachine } from '../partition.machine.js';
import { copy, newCell, resultOf } from './cell.js';
import { answerOf, loadable } from './reads.js';
import { LIMITS, type Limits, type PartitionState, emptyPartition } from '../state.js';

/**
 * A partition between a store that commits in batches and a world that hears effects only then:
 * what tests and properties drive. It checks the machine's numbered invariants at every commit.
 */
export class Rig {
  state: PartitionState;
  now = 1_000_000;
  epoch = 1;
  readonly rows = new Map<string, Cell>();
  readonly history = new Map<string, Cell>();
  readonly inbox = new Set<string>();
  readonly journal: RunEvent[] = [];
  readonly answers = new Map<string, CommandOutcome>();
  /** As the jobs have it: who has paused them. */
  readonly holds = new Map<string, Hold>();
  readonly released: string[] = [];
  readonly cached: string[] = [];
  readonly discarded: string[] = [];
  /** Effects that have left, in order. */
  readonly sent: Effect[] = [];
  readonly soft: Soft[] = [];
  readonly granted = new Set<string>();
  displaced = 0;
  private writes: Write[] = [];
  private effects: Effect[] = [];

  /** Answers of reads that are under way: each shows what was committed when it was asked. */
  private readonly reads: PartitionMessage[] = [];

  constructor(private readonly options: { limits?: Partial<Limits>; lazyReads?: boolean } = {}) {
    this.state = this.empty(0);
  }

  private empty(head: number): PartitionState {
    return emptyPartition(7, this.epoch, head, 'life-1', { ...LIMITS, ...this.options.limits });
  }

  read(): void {
    const answer = this.reads.shift();
    if (answer !== undefined) this.step(answer);
  }

  /** Steps one message; what it writes waits for `commit`. */
  step(message: PartitionMessage): void {
    const before = this.writes.length;
    const effects: Effect[] = [];
    partitionMachine.step(this.state, message, this.now, (output) => this.take(output, effects));
    // A step that wrote nothing still waits for what was open when it was made (§4, Effects).
    if (this.writes.length === before && this.writes.length === 0) this.leave(effects);
    else this.effects.push(...effects);
  }

  /** One fenced commit of everything since the last; only then its effects leave. */
  commit(): void {
    const writes = this.writes;
    const effects = this.effects;
    this.writes = [];
    this.effects = [];
    for (const write of writes) this.apply(write);
    this.seal(writes);
    this.leave(effects);
  }

  /** The owner's memory is lost; another claims the next epoch and loads, but leaves some alone. */
  crash(benched: Readonly<Record<string, number>> = {}): void {
    this.writes = [];
    this.effects = [];
    this.soft.length = 0;
    this.epoch++;
    const head = this.journal.at(-1)?.seq ?? 0;
    this.reads.length = 0;
    this.state = this.empty(head);
    for (const [run, until] of Object.entries(benched)) this.state.benched.set(run, until);
    const effects: Effect[] = [];
    const take = (output: PartitionOutput): void => this.take(output, effects);
    loadPartition(this.state, loadable(this), this.holds, this.now, take);
    this.leave(effects);
  }

  /** Writes the submission as the intake would, and takes it in. */
  submit(id: string, facts: Partial<RunFacts> = {}, policy: Partial<Policy> = {}): Cell {
    return this.takeIn(this.write(newCell(id, this.now, facts, policy)));
  }
  submitWith(id: string, record: Partial<RunRecord>, facts: Partial<RunFacts> = {}): Cell {
    return this.takeIn(this.writeWith(id, record, facts));
  }
  /** Written, and nobody has told the partition. */
  writeWith(id: string, record: Partial<RunRecord>, facts: Partial<RunFacts> = {}): Cell {
    const cell = newCell(id, this.now, facts, {});
    Object.assign(cell.record, record);
    return this.write(cell);
  }
  private write(cell: Cell): Cell {
    this.inbox.add(cell.facts.id);
    this.rows.set(cell.facts.id, copy(cell));
    return cell;
  }
  private takeIn(cell: Cell): Cell {
    this.step({ kind: 'submitted', inbox: cell.facts.id, cell });
    return cell;
  }

  cancel(inbox: string, run: string, force = false): void {
    this.command(inbox, run, { kind: 'cancel', graceMs: null, force });
  }
  command(inbox: string, run: string, action: CommandAction): void {
    this.inbox.add(inbox);
    this.step({ ...action, inbox, run, reason: 'asked', by: 'me' });
  }

  /** The job is paused, or goes on (null); its partition is told by an inbox row. */
  hold(inbox: string, job: string, hold: Hold | null): void {
    if (hold === null) this.holds.delete(job);
    else this.holds.set(job, hold);
    this.inbox.add(inbox);
    this.step({ kind: 'job-changed', inbox, job });
  }

  match(run: string, executor = 'x1', incarnation = 1): void {
    this.step({ kind: 'match', pool: 'default', run, executor, incarnation });
  }

  result(token: Token, outcome?: Outcome, given?: Partial<ResultReport>): void {
    this.step(resultOf(token, outcome, given));
  }

  tick(ms = 0): void {
    this.now += ms;
    this.step({ kind: 'tick' });
  }

  cell(id: string): Cell {
    const cell = this.state.cells.get(id) ?? this.rows.get(id) ?? this.history.get(id);
    if (cell === undefined) throw new Error(`no run ${id}`);
    return cell;
  }

  tokenOf(id: string): Token {
    const { token } = this.cell(id);
    if (token === null) throw new Error(`run ${id} has no token`);
    return token;
  }

  types(run: string): string[] {
    return this.journal.filter((event) => event.run === run).map((event) => event.type);
  }

  sentOf<K extends Effect['kind']>(kind: K): Extract<Effect, { kind: K }>[] {
    return this.sent.filter(
      (effect): effect is Extract<Effect, { kind: K }> => effect.kind === kind,
    );
  }

  private take(output: PartitionOutput, effects: Effect[]): void {
    switch (output.to) {
      case 'commit':
        this.writes.push(output.write);
        return;
      case 'world':
        effects.push(output.effect);
        return;
      case 'pool':
        this.soft.push(output.soft);
        return;
      case 'owner':
        this.displaced = Math.max(this.displaced, output.displaced.epoch);
        return;
      default: {
        const never: never = output;
        return never;
      }
    }
  }

  private apply(write: Write): void {
    switch (write.kind) {
      case 'release':
        return void this.released.push(write.cell.facts.id);
      case 'discard':
        return void this.discarded.push(write.run);
      case 'cache':
        return void this.cached.push(write.cell.facts.id);
      case 'consume':
        if (!this.inbox.delete(write.inbox)) throw new Error(`P7: ${write.inbox} is applied twice`);
        return;
      case 'answer':
        this.answers.set(write.command, write.outcome);
        return;
      case 'event':
        this.append(write.event);
        return;
      case 'fired':
        if (write.planned > this.now) throw new Error('P4: fired before its planned time');
        return;
      case 'finish': {
        const { id } = write.cell.facts;
        if (this.history.has(id)) throw new Error(`P3: ${id} becomes final twice`);
        if (!isFinal(write.cell.state)) throw new Error(`P3: ${id} ends as ${write.cell.state}`);
        return;
      }
      case 'amend':
      case 'save':
      case 'executor':
        return;
      default: {
        const never: never = write;
        return never;
      }
    }
  }

  private append(event: RunEvent): void {
    const last = this.journal.at(-1)?.seq ?? 0;
    if (event.seq !== last + 1) throw new Error(`P1: seq ${event.seq} after ${last}`);
    if (event.from !== null && event.to !== null && event.from !== event.to) {
      assertEdge(event.from, event.to);
    }
    if (event.type === 'GRANTED') {
      const key = `${this.epoch}/${event.seq}`;
      if (this.granted.has(key)) throw new Error(`P1: two grants at ${key}`);
      this.granted.add(key);
    }
    this.journal.push(event);
  }

  /** Rows as the batch leaves them: a changed run is written once, as it then is. */
  private seal(writes: readonly Write[]): void {
    const finished = new Map<string, Cell>();
    const changed = new Map<string, Cell>();
    for (const write of writes) {
      if (write.kind === 'finish') finished.set(write.cell.facts.id, write.cell);
      if (write.kind === 'save') changed.set(write.cell.facts.id, write.cell);
    }
    for (const [id, cell] of changed) {
      if (finished.has(id)) continue;
      if (this.history.has(id)) throw new Error(`P3: ${id} is written after its end`);
      if (!this.rows.has(id)) throw new Error(`${id} is written and has no row`);
      this.rows.set(id, copy(cell));
    }
    for (const [id, cell] of finished) {
      this.rows.delete(id);
      this.history.set(id, copy(cell));
    }
  }

  private leave(effects: readonly Effect[]): void {
    for (const effect of effects) {
      this.sent.push(effect);
      if (effect.kind === 'assign') this.checkAssign(effect.token);
      const answer = answerOf(this, effect);
      if (answer === undefined) continue;
      this.reads.push(answer);
      if (this.options.lazyReads !== true) this.read();
    }
  }

  /** P1: an assignment leaves only for a grant that is committed. */
  private checkAssign(token: Token): void {
    const isCommitted = this.granted.has(`${token.epoch}/${token.seq}`);
    if (!isCommitted) throw new Error(`P1: an assignment of ${token.run} left before its grant`);
  }
}
