import type { Cell, Command, RunFacts } from '#core';
import type { InboxRow, Specifications } from '#postgres';
import { decodeCancel, decodeHint } from '#protocol';

/** A submission as its hint tells it. Undefined: read the inbox instead. */
export function cellOfHint(row: string, specifications: Specifications): Cell | undefined {
  const hint = decodeHint(row);
  if (hint === undefined) return undefined;
  const specification = specifications.get(hint.project, hint.spec);
  if (specification === undefined) return undefined;
  const facts: RunFacts = { ...hint, policy: specification.policy };
  return {
    facts,
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
  const payload = decodeCancel(row.payload);
  return payload === undefined
    ? undefined
    : { kind: 'cancel', inbox: row.id, run: row.ref, ...payload };
}
