import type { AccountedRun, ClientLine, FaultLine, Histories, JobLine } from './histories.js';

type Acknowledged = Extract<ClientLine, { what: 'acknowledged' }>;
type Read = Extract<ClientLine, { what: 'read' }>;
type Cancel = Extract<ClientLine, { what: 'cancel' }>;
type AskedLine = Extract<ClientLine, { what: 'asked' }>;
type Refused = Extract<ClientLine, { what: 'refused' }>;

/** From a job's start to its end, or to the death of its process. */
export interface Span {
  readonly attempt: number;
  readonly pid: number;
  readonly from: number;
  /** Undefined: nobody saw it end. */
  readonly to: number | undefined;
}

/** All that is known of one run. */
export class RunEvidence {
  readonly acknowledged: Acknowledged[] = [];
  readonly reads: Read[] = [];
  readonly cancels: Cancel[] = [];
  readonly starts: JobLine[] = [];
  readonly ends: JobLine[] = [];
  account: AccountedRun | undefined;
  asked: AskedLine | undefined;

  constructor(readonly id: string) {}

  outcomeOf(attempt: number): string | null | undefined {
    return this.account?.attempts.find(({ number }) => number === attempt)?.outcome;
  }

  endOf(attempt: number): JobLine | undefined {
    return this.ends.find((end) => end.attempt === attempt);
  }
}

/** The three histories, put together by run and by key. */
export class Evidence {
  readonly runs = new Map<string, RunEvidence>();
  readonly asked = new Map<string, AskedLine>();
  readonly refused = new Map<string, Refused>();
  readonly idsOf = new Map<string, Set<string>>();
  private readonly deaths = new Map<number, number>();

  constructor(readonly histories: Histories) {
    for (const line of histories.clients) this.hear(line);
    for (const line of histories.jobs) {
      const of = this.of(line.run);
      (line.what === 'start' ? of.starts : of.ends).push(line);
    }
    for (const run of histories.account) {
      this.of(run.id).account = run;
      this.name(run.key, run.id);
    }
    for (const { pids = [], at } of histories.faults) {
      for (const pid of pids) this.deaths.set(pid, at);
    }
    for (const [key, ids] of this.idsOf) {
      for (const id of ids) this.of(id).asked ??= this.asked.get(key);
    }
  }

  spansOf(run: RunEvidence): readonly Span[] {
    return run.starts
      .map(({ attempt, pid, at: from }) => {
        const died = this.deaths.get(pid);
        const end = run.ends.find((each) => each.attempt === attempt && each.pid === pid);
        const to = end?.at ?? (died !== undefined && died >= from ? died : undefined);
        return { attempt, pid, from, to };
      })
      .toSorted((a, b) => a.from - b.from);
  }

  /** All that is known of it, and what was done meanwhile, in the order of time. */
  timelineOf(id: string): readonly string[] {
    const run = this.of(id);
    const all: (readonly [number, string])[] = [];
    const add = (at: number | undefined, text: string): void => {
      if (at !== undefined) all.push([at, text]);
    };
    if (run.asked !== undefined) {
      const { at, what: _, ...asked } = run.asked;
      add(at, `client: asks for it, ${JSON.stringify(asked)}`);
    }
    for (const { at, key } of run.acknowledged) add(at, `client: acknowledged, key ${key}`);
    for (const { at, answer } of run.cancels) add(at, `client: cancel, ${answer}`);
    for (const { at, state } of run.reads) add(at, `client: reads ${state}`);
    for (const { what, attempt, pid, at, ok, nonce } of [...run.starts, ...run.ends]) {
      const how = what === 'start' ? '' : `, ${ok === true ? `well, ${nonce}` : 'badly'}`;
      add(at, `job: ${what} of attempt ${attempt} in process ${pid}${how}`);
    }
    add(run.account?.submittedAt, 'account: submitted');
    for (const each of run.account?.attempts ?? []) {
      const { number, executor, outcome, grantedAt, startedAt, finishedAt } = each;
      add(grantedAt, `account: attempt ${number} granted to ${executor}`);
      add(startedAt, `account: attempt ${number} started`);
      add(finishedAt, `account: attempt ${number} ended, ${outcome}`);
    }
    add(run.account?.finishedAt, `account: ${run.account?.state}, ${run.account?.nonce}`);
    const times = all.map(([at]) => at);
    const [first, last] = [Math.min(...times), Math.max(...times)];
    for (const fault of this.histories.faults) {
      if (fault.at >= first && fault.at <= last) add(fault.at, `fault: ${textOf(fault)}`);
    }
    return all
      .toSorted(([a], [b]) => a - b)
      .map(([at, text]) => `${new Date(at).toISOString().slice(11, 23)} ${text}`);
  }

  private of(id: string): RunEvidence {
    const known = this.runs.get(id) ?? new RunEvidence(id);
    this.runs.set(id, known);
    return known;
  }

  private name(key: string, id: string): void {
    const ids = this.idsOf.get(key) ?? new Set();
    this.idsOf.set(key, ids.add(id));
  }

  private hear(line: ClientLine): void {
    switch (line.what) {
      case 'asked':
        this.asked.set(line.key, line);
        return;
      case 'refused':
        this.refused.set(line.key, line);
        return;
      case 'acknowledged':
        this.of(line.id).acknowledged.push(line);
        this.name(line.key, line.id);
        return;
      case 'read':
        this.of(line.id).reads.push(line);
        return;
      case 'cancel':
        this.of(line.id).cancels.push(line);
        return;
      default:
        return line satisfies never;
    }
  }
}

const textOf = ({ what, target, pids }: FaultLine): string =>
  `${what} ${target}${pids === undefined ? '' : ` (process ${pids.join()})`}`;
