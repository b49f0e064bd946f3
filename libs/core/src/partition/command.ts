import type { Millis } from '../kernel/machine.js';
import type { RunState } from '../run/run.js';

/** What a person wants of a run; what is left out stays as it is. */
export interface RunChange {
  readonly priority?: number;
  /** Not before: an instant, or so long after the owner applies it. */
  readonly at?: Millis;
  readonly afterMs?: Millis;
  /** JSON texts. */
  readonly params?: string;
  readonly labels?: string;
}

export type CommandAction =
  | { readonly kind: 'cancel'; readonly graceMs: Millis | null; readonly force: boolean }
  /** HOLD (1.7): what has not started does not start. */
  | { readonly kind: 'pause' }
  /** FREEZE (1.7): what runs stops where it is, and keeps its slot and its memory. */
  | { readonly kind: 'freeze' }
  | { readonly kind: 'resume' }
  /** Of a dead letter: nobody is going to look at it any more (5.3). */
  | { readonly kind: 'discard' }
  | { readonly kind: 'update'; readonly change: RunChange }
  /** By hand, with a result of the person's own. */
  | {
      readonly kind: 'mark';
      readonly as: 'SUCCEEDED' | 'SKIPPED';
      readonly result: string | null;
    };
/** It addresses a row: a run that is not in memory is looked up first. */
export type Command = CommandAction & {
  readonly inbox: string;
  readonly run: string;
  readonly reason: string;
  readonly by: string;
};
export const COMMANDS: ReadonlySet<string> = new Set<CommandAction['kind']>([
  ...(['cancel', 'pause', 'freeze', 'resume', 'discard', 'update', 'mark'] as const),
]);

export type CommandRefusal =
  | 'RUN_FINAL'
  | 'NOT_FOUND'
  | 'RUN_STARTED'
  | 'RUN_NOT_PAUSED'
  | 'RUN_NOT_RUNNING'
  | 'CANNOT_FREEZE'
  | 'RUN_NOT_DEAD'
  | 'JOB_PAUSED'
  /** It could not be applied, however often it was tried. */
  | 'SET_ASIDE';
export type CommandOutcome =
  /** `state`: of the run that was addressed. `same`: it was so already, nothing has changed. */
  | { readonly ok: true; readonly state: RunState | null; readonly same?: true }
  | {
      readonly ok: false;
      readonly code: CommandRefusal;
      readonly state: RunState | null;
    };
