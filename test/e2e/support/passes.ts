import { until } from '#actor';

/**
 * So much has been submitted and has happened in this time, or a fault lasts that long: there is
 * nothing to wait for but the time itself.
 */
export async function passes(ms: number): Promise<void> {
  const since = performance.now();
  await until(() => performance.now() - since >= ms, ms * 2);
}
