/** How a run ends that is submitted with its end: nothing of it is ever started. */
export interface GivenEnd {
  readonly as: 'SUCCEEDED' | 'SKIPPED';
  readonly reason: string;
  readonly by: string | null;
  /** JSON text; of a result that is another's, nothing. */
  readonly result: string | null;
  readonly reusedFrom: string | null;
}

/** Who has made a run of another one, and why. */
export interface Asked {
  readonly by: string;
  readonly reason: string | null;
}
