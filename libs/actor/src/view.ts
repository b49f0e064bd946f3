import { Observable, Subject, defer, throwError } from 'rxjs';
import { distinctUntilChanged, filter, map, startWith } from 'rxjs';
import { EMPTY } from './lane.js';
import type { Dispatcher } from './runtime.js';

/**
 * What observers see of an actor. Computed only while somebody looks, once for all of them, and in
 * a turn of its own: of the slices before it only the last is seen.
 */
export class View<S> {
  readonly values$: Observable<unknown>;
  private readonly changes$ = new Subject<void>();
  private scheduled = false;
  private fresh = false;
  private value: unknown = EMPTY;

  constructor(
    path: string,
    private readonly view: ((state: S) => unknown) | undefined,
    private readonly dispatcher: Dispatcher,
    private readonly held: () => { readonly state: S } | undefined,
  ) {
    this.values$ =
      view === undefined
        ? throwError(() => new Error(`${path} has no view: give one in its spawn options`))
        : defer(() =>
            this.changes$.pipe(
              startWith(undefined),
              map(() => this.current()),
              filter((value) => value !== EMPTY),
              distinctUntilChanged(),
            ),
          );
  }

  changed(): void {
    this.fresh = false;
    if (this.scheduled || !this.changes$.observed) return;
    this.scheduled = true;
    this.dispatcher.ready(() => {
      this.scheduled = false;
      this.changes$.next();
    });
  }

  end(): void {
    this.changes$.complete();
  }

  private current(): unknown {
    const held = this.held();
    if (this.fresh || held === undefined) return this.value;
    this.value = this.view?.(held.state);
    this.fresh = true;
    return this.value;
  }
}
