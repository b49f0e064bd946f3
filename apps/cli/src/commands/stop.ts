/** The exit code after Ctrl-C. */
export const INTERRUPTED = 130;
/** The exit code when the time for waiting is over: as that of `timeout`. */
export const TIMED_OUT = 124;

export type Stopped = typeof INTERRUPTED | typeof TIMED_OUT;
export type Outcome<T> =
  | { readonly stopped: undefined; readonly value: T }
  | { readonly stopped: Stopped };

/** Until it is done, Ctrl-C is pressed, or the time is over. */
export async function untilStopped<T>(
  work: Promise<T>,
  withinMs: number | undefined,
): Promise<Outcome<T>> {
  let stop: (why: Stopped) => void = () => undefined;
  const stopped = new Promise<Outcome<T>>((resolve) => {
    stop = (why) => resolve({ stopped: why });
  });
  const interrupt = (): void => stop(INTERRUPTED);
  // Once: a second Ctrl-C ends the process as it always does.
  process.once('SIGINT', interrupt);
  const timer = withinMs === undefined ? undefined : setTimeout(() => stop(TIMED_OUT), withinMs);
  try {
    return await Promise.race([work.then((value) => ({ stopped: undefined, value })), stopped]);
  } finally {
    process.off('SIGINT', interrupt);
    clearTimeout(timer);
  }
}
