/** Largest unit first: the order of writing, and the only order that is read. */
const unitsMs = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

const shape = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/;

/**
 * Reads '250ms', '90s', '1h30m', '7d'. A bare number is refused rather than guessed at: whether
 * '30' meant seconds or milliseconds is exactly the mistake that a unit prevents.
 */
export function parseDuration(text: string): number | undefined {
  const match = shape.exec(text);
  if (match === null || text === '') return undefined;
  let totalMs = 0;
  for (const [index, [, unitMs]] of unitsMs.entries()) {
    const digits = match[index + 1];
    if (digits !== undefined) totalMs += Number(digits) * unitMs;
  }
  return Number.isSafeInteger(totalMs) ? totalMs : undefined;
}

/** The canonical form, which `parseDuration` reads back to the same number. */
export function formatDuration(durationMs: number): string {
  if (!Number.isSafeInteger(durationMs) || durationMs < 0) {
    throw new RangeError(`formatDuration: ${durationMs} is no whole number of milliseconds >= 0`);
  }
  let restMs = durationMs;
  let text = '';
  for (const [unit, unitMs] of unitsMs) {
    const count = Math.floor(restMs / unitMs);
    restMs -= count * unitMs;
    if (count > 0) text += `${count}${unit}`;
  }
  return text === '' ? '0ms' : text;
}
