import {
  type CommandOutcome,
  isCommand,
  type AsideRow,
  type PartitionMessage,
  hash32,
  runOf,
} from '#core';
import type { PartitionBatch } from '../batch.js';
import type { OwnedPartition } from './owned.js';

/** What a refused message becomes: its own words with the error, to be looked at by a person. */
export function asideRow(message: PartitionMessage, error: string): AsideRow {
  const bytes = JSON.stringify(message, (key, value: unknown) =>
    key === 'facts' ? undefined : value,
  );
  const run = runOf(message);
  return {
    id: idOf(`${message.kind}/${run ?? ''}/${bytes}`),
    run,
    kind: message.kind,
    bytes,
    error,
  };
}

/** The same message refused twice is one row. */
function idOf(text: string): string {
  const part = (seed: number): string => hash32(text, seed).toString(16).padStart(8, '0');
  const hex = part(1) + part(2) + part(3) + part(4);
  const [time, low, high] = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(13, 16)];
  return `${time}-${low}-8${high}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** Where it can be seen, and out of the inbox. What is left of it is to be stepped. */
export function setAside(
  batch: Pick<PartitionBatch, 'aside' | 'consumed' | 'answers'>,
  owned: Pick<OwnedPartition, 'state'>,
  message: PartitionMessage,
  error: string,
): PartitionMessage | undefined {
  batch.aside.push(asideRow(message, error));
  const inbox = inboxOf(message);
  if (inbox !== undefined) {
    batch.consumed.push(inbox);
    owned.state.applied.add(inbox);
  }
  if (isCommand(message) || message.kind === 'close') {
    const outcome: CommandOutcome = { ok: false, code: 'SET_ASIDE', state: null };
    batch.answers.push({ command: message.inbox, outcome: JSON.stringify(outcome) });
  }
  return withoutResult(message);
}

/** The inbox row that brought it, if one did. */
function inboxOf(message: PartitionMessage): string | undefined {
  return 'inbox' in message ? message.inbox : undefined;
}

/** Raw in a text they part columns (libs/postgres, Columns), or PostgreSQL refuses them. */
const UNSTORABLE = ['\u0000', '\u001e', '\u001f'] as const;

/** JSON holds none of these raw: what does is no result, and must not reach its batch. */
export function storable<M extends PartitionMessage>(message: M): PartitionMessage {
  if (message.kind !== 'result' || message.result === null) return message;
  const { result } = message;
  if (!UNSTORABLE.some((char) => result.includes(char))) return message;
  return withoutResult(message) ?? message;
}

/** A result that cannot be stored ends its attempt as FAILED, with this class (§4). */
function withoutResult(message: PartitionMessage): PartitionMessage | undefined {
  if (message.kind !== 'result') return undefined;
  return {
    ...message,
    outcome: 'FAILED',
    result: null,
    error: {
      class: 'RESULT_INVALID',
      message: 'the result could not be stored; it was set aside',
      code: null,
      stack: null,
      retryMs: null,
    },
  };
}
