/** That a run waits to be resumed, as the server tells it. */
export interface Paused {
  readonly how: 'HOLD' | 'FREEZE';
  readonly by: string;
  readonly reason: string;
  readonly at?: string;
  readonly byJob: boolean;
}
export const PAUSED = 'paused { how by reason at byJob }';

/** Who has stopped it and why, in one line. */
export function pausedText({ how, by, reason, at, byJob }: Paused): string {
  const whose = byJob ? 'paused with its job' : 'paused';
  const deed = how === 'FREEZE' ? 'frozen' : whose;
  const since = at === undefined ? '' : ` at ${at}`;
  return `${deed} by ${by}${since}: ${reason}`;
}

/** A run after somebody has asked to change it. */
export interface Changed {
  readonly pending: boolean;
  readonly changed: boolean;
  readonly run: { readonly state: string; readonly paused?: Paused | null } | null;
}

/** It was so already, which who has asked may not expect. */
export function unchangedText(id: string, run: Changed['run']): string {
  const now = run?.paused ? pausedText(run.paused) : (run?.state ?? 'gone');
  return `nothing changed: run ${id} is ${now}`;
}
