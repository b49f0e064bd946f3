import { describe, expect, it } from 'vitest';
import type { LedgerMessage } from './messages.js';
import {
  PHASES,
  type Phase,
  ack,
  askDigest,
  assign,
  cancel,
  digested,
  ended,
  freeze,
  started,
  welcomed,
} from './testkit/bench.js';

const MESSAGES: Readonly<Record<string, LedgerMessage>> = {
  assign: assign(),
  cancel: cancel(),
  freeze: freeze(),
  'ack result': ack('result'),
  'ack bounce': ack('bounce'),
  digested: digested({ epoch: 5, seq: 10 }),
  askDigest,
  started,
  ended,
  tick: { kind: 'tick' },
  unanswered: { kind: 'tick', unansweredMs: 60_000 },
  unlinked: { kind: 'unlinked' },
  'draining on': { kind: 'draining', on: true },
  'draining off': { kind: 'draining', on: false },
  restored: { kind: 'restored' },
  'same welcome': welcomed('s1'),
  'new session': welcomed('s2'),
  'new incarnation': welcomed('s1', 2),
  'new life': welcomed('s1', 1, 'c2'),
};

const BEGIN = 'persist accepted, send claimed, persist started, start';
const IDENTITY = 'persist identity, identified';
/** What a message does in a phase; pairs that are not named do nothing at all. */
const EXPECTED: Readonly<Record<Phase, Readonly<Record<string, string>>>> = {
  none: {
    assign: BEGIN,
    cancel: 'persist ended, send CANCELLED',
    freeze: 'refused unknown',
    'ack result': 'refused unknown',
    'ack bounce': 'refused unknown',
    askDigest: 'send digest',
    started: 'refused unknown',
    ended: 'refused unknown',
    'new incarnation': IDENTITY,
    'new life': IDENTITY,
  },
  accepted: {
    assign: 'send claimed',
    cancel: 'persist ended, send CANCELLED',
    'ack result': 'refused unknown',
    'ack bounce': 'refused unknown',
    askDigest: 'persist promise, send digest',
    started: 'refused unknown',
    ended: 'refused unknown',
    unanswered: 'persist ended, send bounce',
    'draining on': 'persist ended, send bounce',
    'new session': 'persist promise, send digest',
    'new incarnation': IDENTITY,
    'new life': IDENTITY,
  },
  started: {
    assign: 'send claimed',
    cancel: 'stop',
    freeze: 'freeze',
    'ack result': 'refused unknown',
    'ack bounce': 'refused unknown',
    askDigest: 'persist promise, send digest',
    started: 'send started',
    ended: 'persist ended, send SUCCEEDED',
    unanswered: 'stop',
    restored: 'persist ended, send LOST',
    'new session': 'persist promise, send digest',
    'new incarnation': 'persist identity, stop, identified',
    'new life': 'persist identity, stop, identified',
  },
  announced: {
    assign: 'send started',
    cancel: 'stop',
    freeze: 'freeze',
    'ack result': 'refused unknown',
    'ack bounce': 'refused unknown',
    askDigest: 'persist promise, send digest',
    ended: 'persist ended, send SUCCEEDED',
    tick: 'send started',
    unanswered: 'stop, send started',
    restored: 'persist ended, send LOST',
    'new session': 'persist promise, send digest, send started',
    'new incarnation': 'persist identity, stop, identified',
    'new life': 'persist identity, stop, identified',
  },
  result: {
    assign: 'send SUCCEEDED',
    cancel: 'send SUCCEEDED',
    freeze: 'refused unknown',
    'ack result': 'note acked',
    'ack bounce': 'refused unknown',
    askDigest: 'persist promise, send digest',
    started: 'refused unknown',
    ended: 'refused unknown',
    tick: 'send SUCCEEDED',
    unanswered: 'send SUCCEEDED',
    'new session': 'persist promise, send digest, send SUCCEEDED',
    'new incarnation': IDENTITY,
    'new life': IDENTITY,
  },
  bounce: {
    assign: 'send bounce',
    cancel: 'send bounce',
    freeze: 'refused unknown',
    'ack result': 'refused unknown',
    'ack bounce': 'note acked',
    askDigest: 'persist promise, send digest',
    started: 'refused unknown',
    ended: 'refused unknown',
    tick: 'send bounce',
    unanswered: 'send bounce',
    'new session': 'persist promise, send digest, send bounce',
    'new incarnation': IDENTITY,
    'new life': IDENTITY,
  },
  tombstone: {
    assign: 'refused tombstone',
    cancel: 'refused tombstone',
    freeze: 'refused unknown',
    'ack result': 'refused unknown',
    'ack bounce': 'refused unknown',
    askDigest: 'persist promise, send digest',
    started: 'refused unknown',
    ended: 'refused unknown',
    'new incarnation': IDENTITY,
    'new life': IDENTITY,
  },
};

describe('the ledger, each message in each phase', () => {
  for (const phase of Object.keys(PHASES) as Phase[]) {
    for (const [name, message] of Object.entries(MESSAGES)) {
      it(`${phase}: ${name}`, () => {
        const bench = PHASES[phase]();
        bench.now += 5_000;
        bench.state.answeredAt = bench.now;
        expect(bench.say(message)).toBe(EXPECTED[phase][name] ?? '');
      });
    }
  }
});
