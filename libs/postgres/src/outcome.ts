import pg from 'pg';
import type { Failure } from '#core';
import { UnsendableError } from './binary-array.js';
import { UnconnectedError } from './connection.js';

export function classify(error: unknown): Failure {
  const problem = error instanceof Error ? error : new Error(String(error));
  if (problem instanceof UnsendableError) return { kind: 'rejected-for-good', error: problem };
  if (problem instanceof UnconnectedError) return { kind: 'rejected-now', error: problem };
  if (problem instanceof pg.DatabaseError) return classifySqlstate(problem);
  return { kind: 'unknown', error: problem };
}

function classifySqlstate(error: pg.DatabaseError): Failure {
  const code = error.code ?? '';
  const detail = error.detail ?? '';
  switch (code) {
    case 'OR001':
      return { kind: 'fenced', partitions: JSON.parse(detail) as number[] };
    case 'OR002':
      return { kind: 'early', at: Number(detail) };
    case 'OR003':
      return { kind: 'gone', ids: JSON.parse(detail || '[]') as string[] };
    // The server ended the session: it may have been after the commit was written.
    case '57P01':
    case '57P02':
    case '25P04':
      return { kind: 'unknown', error };
    default:
      break;
  }
  const refusedForGood = /^(22|23|42|OR9)/.test(code);
  return { kind: refusedForGood ? 'rejected-for-good' : 'rejected-now', error };
}

/**
 * A strict intake whose keys stand for other requests was refused whole, as asked: the refs that
 * those keys came with. Undefined: the error is another one.
 */
export function conflictsOf(error: unknown): readonly string[] | undefined {
  const isConflict = error instanceof pg.DatabaseError && error.code === 'OR004';
  return isConflict ? (JSON.parse(error.detail ?? '[]') as string[]) : undefined;
}
