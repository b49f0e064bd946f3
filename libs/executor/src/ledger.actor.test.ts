import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ActorRef, type ActorSystem, createSystem, systemRuntime, until } from '#actor';
import { type LedgerRecord, restoreLedger } from '#core';
import {
  type LedgerActorMessage,
  type LedgerOutput,
  ledgerActor,
  ledgerOptions,
} from './ledger.actor.js';
import { Journal } from './store/journal.js';

const BOUND_MS = 3_000;
const WORK = {
  ...{ kind: 'SHELL', spec: '{}', params: null, project: 'p', job: 'j' },
  ...{ timeoutMs: 0, graceMs: 0, heartbeatMs: null, stopAfterMs: null },
};

/** A disk that can be full, and that says how often it was asked to sync. */
class FaultyJournal extends Journal {
  isFull = false;
  writes = 0;

  override async append(records: readonly LedgerRecord[]): Promise<void> {
    this.writes += 1;
    if (!this.isFull) return super.append(records);
    await super.append(records); // half of it may be there: nobody can tell
    Object.assign(this, { broken: true });
    throw new Error('ENOSPC');
  }

  override async rewrite(records: Iterable<LedgerRecord>): Promise<void> {
    if (this.isFull) throw new Error('ENOSPC');
    return super.rewrite(records);
  }
}

let directory: string;
let journal: FaultyJournal;
let system: ActorSystem;
let ref: ActorRef<LedgerActorMessage>;
let performed: LedgerOutput[];
let failures: number;

beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'orrery-ledger-'));
  journal = new FaultyJournal(path.join(directory, 'journal'));
  await journal.rewrite([]);
  performed = [];
  failures = 0;
  system = createSystem(systemRuntime());
  const options = {
    ...{ executor: 'x', slots: 1_000, backlog: 0 },
    judge: () => ({ kind: 'take' }) as const,
  };
  const ports = {
    journal,
    state: restoreLedger(options, []),
    now: () => Date.now(),
    perform: (effect: LedgerOutput) => performed.push(effect),
    writeFailed: () => {
      failures += 1;
    },
  };
  ref = system.spawn(ledgerActor, ports, ledgerOptions);
  ref.tell({ kind: 'welcomed', session: 's', cluster: 'c', incarnation: 1 });
  await until(() => performed.length === 1, BOUND_MS);
});

afterEach(async () => {
  await system.shutdown(BOUND_MS);
  await journal.close();
  rmSync(directory, { recursive: true, force: true });
});

function assign(seq: number): void {
  const token = { run: `r${seq}`, attempt: 1, executor: 'x', incarnation: 1, epoch: 1, seq };
  const from = { partition: 0, epoch: 1, floor: { epoch: 1, seq: 0 } };
  ref.tell({ kind: 'down', session: 's', item: { ...from, kind: 'assign', token, work: WORK } });
}

const starts = (): number => performed.filter(({ kind }) => kind === 'start').length;

it('writes and syncs the records of many messages at once', async () => {
  const before = journal.writes;
  for (let seq = 1; seq <= 500; seq++) assign(seq);
  await until(() => starts() === 500, BOUND_MS);
  expect(journal.writes - before).toBeLessThanOrEqual(3);
  expect((await journal.read()).records).toHaveLength(1 + 2 * 500);
});

it('claims and starts nothing while the disk is full, and everything once afterwards', async () => {
  journal.isFull = true;
  assign(1);
  await until(() => failures >= 1, BOUND_MS);
  assign(2);
  await until(() => failures >= 2, BOUND_MS);
  expect(performed.map(({ kind }) => kind)).toEqual(['identified']);
  journal.isFull = false;
  await until(() => starts() === 2, BOUND_MS);
  assign(3);
  await until(() => starts() === 3, BOUND_MS);
  const { records } = await journal.read();
  const accepted = records.flatMap((each) => (each.kind === 'accepted' ? [each.token.seq] : []));
  expect(accepted).toEqual([1, 2, 3]);
});
