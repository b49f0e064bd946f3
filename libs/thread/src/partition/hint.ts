import type { Cell, Close, Command, InboxRow, Store } from '#core';
import { decodeClose, decodeCommand, decodeHint } from '#protocol';

/** A submission as its hint tells it. Undefined: read the inbox instead. */
export function cellOfHint(row: string, store: Pick<Store, 'specification'>): Cell | undefined {
  const hint = decodeHint(row);
  if (hint === undefined) return undefined;
  const specification = store.specification(hint.project, hint.spec);
  if (specification === undefined) return undefined;
  return {
    // Each by its name: to copy them all costs ten times as much, once a run.
    facts: {
      id: hint.id,
      partition: hint.partition,
      project: hint.project,
      job: hint.job,
      jobVersion: hint.jobVersion,
      spec: hint.spec,
      kind: hint.kind,
      pool: hint.pool,
      need: hint.need,
      priority: hint.priority,
      due: hint.due,
      expires: hint.expires,
      submittedAt: hint.submittedAt,
      dedup: hint.dedup,
      cache: hint.cache,
      policy: specification.policy,
      params: hint.params,
    },
    state: 'SCHEDULED',
    lane: null,
    rank: 0,
    readyAt: null,
    startedAt: null,
    attempt: 0,
    spent: 0,
    token: null,
    record: { attempts: [], seqs: [] },
  };
}

export function commandOf(row: InboxRow): Command | undefined {
  if (row.ref === null || row.payload === null) return undefined;
  const payload = decodeCommand(row.payload);
  return payload === undefined ? undefined : { ...payload, inbox: row.id, run: row.ref };
}

export function closeOf(row: InboxRow): Close | undefined {
  const payload = row.payload === null ? undefined : decodeClose(row.payload);
  return payload && { ...payload, kind: 'close', inbox: row.id };
}
