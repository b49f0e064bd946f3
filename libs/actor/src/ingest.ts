import { BehaviorSubject, Subscription, distinctUntilChanged } from 'rxjs';
import type { Observable } from 'rxjs';
import { Pump } from './pump.js';
import type { Ref } from './refs.js';

export interface Ingest extends Subscription {
  /** True while the target is full. Completes with the source or the target. */
  readonly pause$: Observable<boolean>;
}

/**
 * Batches in. What comes while the target is full waits here, so the source should heed `pause$`.
 * Unsubscribing drops what waits: a source that must not lose it acknowledges after the effect.
 */
export function startIngest<M>(source$: Observable<readonly M[]>, target: Ref<M>): Ingest {
  const paused$ = new BehaviorSubject(false);
  const subscription = new Subscription();
  let finished = false;
  const pump = new Pump(target, {
    blocked: (yes) => {
      paused$.next(yes);
      if (!yes && finished) subscription.unsubscribe();
    },
    gone: () => subscription.unsubscribe(),
  });
  subscription.add(() => {
    pump.close();
    paused$.complete();
  });
  subscription.add(
    source$.subscribe({
      next: (batch) => pump.offer(batch),
      error: (error: unknown) => {
        paused$.error(error);
        subscription.unsubscribe();
      },
      complete: () => {
        finished = true;
        if (pump.idle) subscription.unsubscribe();
      },
    }),
  );
  return Object.assign(subscription, { pause$: paused$.pipe(distinctUntilChanged()) });
}
