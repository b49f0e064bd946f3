import type { Millis, Outcome } from '#core';

/** What a simulated job does, by its attempt: read from the params of its run. */
export interface Script {
  readonly ms: Millis;
  /** One an attempt; the last goes for all that follow. */
  readonly ends: readonly Extract<Outcome, 'SUCCEEDED' | 'FAILED' | 'REJECTED'>[];
  readonly result: string;
}

export const encodeScript = (script: Script): string => JSON.stringify(script);
export const decodeScript = (params: string | null): Script =>
  params === null ? { ms: 10, ends: ['SUCCEEDED'], result: '1' } : (JSON.parse(params) as Script);
