import { registerEnumType } from '@nestjs/graphql';
import {
  CLUSTER_EVENT_KINDS,
  type ClusterEventKind,
  EVENT_TYPES,
  EXECUTOR_STATES,
  type EventType,
  type ExecutorState,
  JOB_KINDS,
  type JobKind,
  OUTCOMES,
  type Outcome,
  RUN_STATES,
  type RunState,
} from '#core';
import { BULK_STATES, type BulkState } from '#postgres';
import { VALUE_ORIGINS, type ValueOrigin } from '../../specification/defaults.js';

type Words<W extends string> = { readonly [K in W]: K };

function register<W extends string>(
  name: string,
  description: string,
  texts: Readonly<Record<W, string>>,
): Words<W> {
  const words = Object.keys(texts) as W[];
  const values = Object.fromEntries(words.map((word) => [word, word])) as Words<W>;
  const valuesMap = Object.fromEntries(
    words.map((word) => [word, { description: texts[word] }]),
  ) as { [K in W]: { description: string } };
  registerEnumType(values, { name, description, valuesMap });
  return values;
}

/** A word of the core that the API forgets, or one too many, does not compile; order is checked. */
function inOrder<W extends string>(
  words: readonly W[],
  texts: Readonly<Record<W, string>>,
): Record<W, string> {
  return Object.fromEntries(words.map((word) => [word, texts[word]])) as Record<W, string>;
}

export const RunStateEnum = register<RunState>(
  'RunState',
  'Where a run is in its life. The last five are final and never change.',
  inOrder(RUN_STATES, {
    SCHEDULED: 'Accepted; it waits for its time, or for its owner to take it in.',
    BLOCKED: 'It waits for a limit or for another run.',
    READY: 'It waits for an executor.',
    GRANTED: 'An executor has been chosen and told.',
    RUNNING: 'An executor works on it.',
    WAITING_RETRY: 'An attempt failed; the next one waits for its delay.',
    PAUSED: 'A person has stopped it for now.',
    UNKNOWN: 'Its executor is silent.',
    CANCELLING: 'Its end is decided; its executor is told to stop.',
    SUCCEEDED: 'Its work is done.',
    DEAD: 'It failed and is not tried again.',
    CANCELLED: 'A person or a rule has cancelled it.',
    EXPIRED: 'It did not start before its deadline.',
    SKIPPED: 'A rule left it out.',
  }),
);

export const OutcomeEnum = register<Outcome>(
  'Outcome',
  'How an attempt ended; of a run, how its last attempt did.',
  inOrder(OUTCOMES, {
    SUCCEEDED: 'Done.',
    FAILED: 'It ended with an error.',
    TIMED_OUT: 'It took longer than it may.',
    LOST: 'Its executor fell silent for too long.',
    REJECTED: 'It can run nowhere.',
    CANCELLED: 'It was told to stop.',
  }),
);

export const JobKindEnum = register<JobKind>(
  'JobKind',
  'What runs a job.',
  inOrder(JOB_KINDS, {
    SHELL: 'A command line.',
    HTTP: 'An HTTP request; it says all of it itself, the params of runs are not sent.',
    FUNCTION: 'A handler that an executor registered.',
    PYTHON: 'A Python script.',
    CONTAINER: 'A container.',
    PLUGIN: "An executor's plug-in.",
    DAG: 'A graph of tasks.',
    DURABLE: 'A durable function.',
  }),
);

export const RunEventTypeEnum = register<EventType>(
  'RunEventType',
  'What happened to a run.',
  inOrder(EVENT_TYPES, {
    SUBMITTED: 'Its owner took it in.',
    READY: 'It may be granted.',
    BLOCKED: 'It waits for a limit or another run.',
    GRANTED: 'An attempt was granted to an executor.',
    BOUNCED: 'The executor could not take it now.',
    STARTED: 'The attempt started.',
    PROGRESSED: 'The attempt told how far it is.',
    CHECKPOINTED: 'The attempt saved a checkpoint.',
    SILENT: 'Its executor fell silent.',
    HEARD: 'Its executor was heard again.',
    ATTEMPT_ENDED: 'An attempt ended.',
    RETRY_SCHEDULED: 'Another attempt will follow.',
    PAUSED: 'It was paused.',
    RESUMED: 'It was resumed.',
    CANCEL_REQUESTED: 'Somebody asked to cancel it.',
    FINISHED: 'It became final.',
    CHANGED: 'Something else about it changed.',
    LATE_RESULT: 'A result came after the end, and changed nothing.',
    MARKED: 'Its outcome was set by hand.',
  }),
);

export const ExecutorStateEnum = register<ExecutorState>(
  'ExecutorState',
  'Whether an executor is given work.',
  inOrder(EXECUTOR_STATES, {
    ACTIVE: 'It is given work.',
    DRAINING: 'It finishes what it has and is given nothing new.',
    CORDONED: 'A person has excluded it from new work.',
    QUARANTINED: 'It fell out too often and rests for a while.',
    OFFLINE: 'It is not heard.',
  }),
);

export const ROLES = ['VIEWER', 'OPERATOR', 'EDITOR', 'ADMIN'] as const;
export type Role = (typeof ROLES)[number];
export const RoleEnum = register<Role>(
  'Role',
  'What somebody may do in a project; each may do what those before it may.',
  inOrder(ROLES, {
    VIEWER: 'Look.',
    OPERATOR: 'Also submit and cancel runs.',
    EDITOR: 'Also change jobs.',
    ADMIN: 'Also make keys and projects.',
  }),
);

export const RUN_ORDERS = ['NEWEST', 'OLDEST'] as const;
export type RunOrder = (typeof RUN_ORDERS)[number];
export const RunOrderEnum = register<RunOrder>(
  'RunOrder',
  'By time of submission.',
  inOrder(RUN_ORDERS, { NEWEST: 'The newest first.', OLDEST: 'The oldest first.' }),
);

export const ATOMICITIES = ['ALL', 'EACH'] as const;
export type Atomic = (typeof ATOMICITIES)[number];
export const AtomicEnum = register<Atomic>(
  'Atomic',
  'What a bad item does to its neighbours.',
  inOrder(ATOMICITIES, {
    ALL: 'Nothing is written unless everything is.',
    EACH: 'Each item stands for itself.',
  }),
);

/** The index of a stream is its code in the database. */
export const LOG_STREAMS = ['STDOUT', 'STDERR', 'STRUCTURED', 'SYSTEM'] as const;
export type LogStream = (typeof LOG_STREAMS)[number];
export const LogStreamEnum = register<LogStream>(
  'LogStream',
  'Where a piece of a log comes from.',
  inOrder(LOG_STREAMS, {
    STDOUT: "The job's standard output.",
    STDERR: "The job's standard error.",
    STRUCTURED: 'What a handler logged with fields.',
    SYSTEM: 'What the executor has to say.',
  }),
);

export const WAITING_KINDS = [
  'NOT_TAKEN_IN',
  'NOT_DUE',
  'PAUSED',
  'RETRY_DELAY',
  'EXECUTOR_SILENT',
  'NO_EXECUTOR',
  'SLOTS',
  'SET_ASIDE',
  'PARKED',
] as const;
export type WaitingKind = (typeof WAITING_KINDS)[number];
export const WaitingKindEnum = register<WaitingKind>(
  'WaitingKind',
  'What a run waits for.',
  inOrder(WAITING_KINDS, {
    NOT_TAKEN_IN: "The partition's owner, which has not taken it in yet.",
    NOT_DUE: 'Its time.',
    PAUSED: 'A person, who has paused it.',
    RETRY_DELAY: 'The delay before its next attempt.',
    EXECUTOR_SILENT: 'Its executor, which is not heard or has not confirmed its start.',
    NO_EXECUTOR: 'An executor of its pool that can do what it needs.',
    SLOTS: 'A free slot.',
    SET_ASIDE: 'A person: a message about it could not be applied.',
    PARKED: 'A person: it failed again and again in the hands of its owner.',
  }),
);

export const ValueOriginEnum = register<ValueOrigin>(
  'ValueOrigin',
  'Who has decided a value.',
  inOrder(VALUE_ORIGINS, {
    JOB: 'The specification of the job.',
    PROJECT: "The project's defaults.",
    BUILT_IN: 'Nobody: it is what Orrery takes.',
  }),
);

export const PAUSE_KINDS = ['HOLD', 'FREEZE', 'SUSPEND'] as const;
export type PauseKind = (typeof PAUSE_KINDS)[number];
export const PauseKindEnum = register<PauseKind>(
  'PauseKind',
  'How a run is paused.',
  inOrder(PAUSE_KINDS, {
    HOLD: 'What has not started does not start.',
    FREEZE: 'A shell job that runs stops where it is, and keeps its slot and its memory.',
    SUSPEND: 'What runs saves where it is and gives its slot back. No kind of job can do it yet.',
  }),
);

export const BULK_ACTIONS = [
  ...(['CANCEL', 'RETRY', 'DISCARD', 'REPRIORITIZE', 'PAUSE', 'RESUME'] as const),
] as const;
export type BulkAction = (typeof BULK_ACTIONS)[number];
export const BulkActionEnum = register<BulkAction>(
  'BulkAction',
  'What can be done to many runs at once.',
  inOrder(BULK_ACTIONS, {
    CANCEL: 'Stops what is not final.',
    RETRY: 'Makes a new run of each that ended without success.',
    DISCARD: 'Takes dead letters from the list of those that somebody has to look at.',
    REPRIORITIZE: 'Gives what has not started another priority.',
    PAUSE: 'Holds what has not started.',
    RESUME: 'Lets what is paused go on, and what is frozen.',
  }),
);

export const BulkStateEnum = register<BulkState>(
  'BulkState',
  'How far an action on many runs is.',
  inOrder(BULK_STATES, {
    RUNNING: 'A gateway works at it.',
    DONE: 'It has come to the last run.',
    FAILED: 'It has ended early; what was applied stays so.',
    CANCELLED: 'Somebody has stopped it; what was applied stays so.',
  }),
);

export const ClusterEventKindEnum = register<ClusterEventKind>(
  'ClusterEventKind',
  'What happened to the ownership of a partition.',
  inOrder(CLUSTER_EVENT_KINDS, {
    CLAIMED: 'A thread took it: nobody had it, or who had it has left.',
    RELEASED: 'Its owner let go of it.',
    FENCED: 'A thread that no longer owned it was refused to write; nothing of it was written.',
    STOLEN: 'A thread took it from an owner that had neither let go nor left.',
  }),
);
