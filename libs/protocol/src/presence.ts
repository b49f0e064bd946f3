/** Retained JSON on a presence topic: a birth, or the last will of the same session. */
export interface ExecutorBirth {
  readonly v: 1;
  readonly state: 'birth';
  readonly session: string;
  /** null: it has none yet, or lost its disk. */
  readonly incarnation: number | null;
  /** The cluster's life its journal belongs to. */
  readonly cluster: string | null;
  readonly name: string;
  readonly version: string;
  readonly pool: string;
  readonly slots: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Requirement classes it serves: `shell`, `http`, `function:noop`. */
  readonly capabilities: readonly string[];
  readonly draining: boolean;
}
export interface SchedulerBirth {
  readonly v: 1;
  readonly state: 'birth';
  readonly session: string;
  /** Of its installation: two of one name may meet at a broker by mistake. */
  readonly life: string;
}
export interface Death {
  readonly v: 1;
  readonly state: 'death';
  readonly session: string;
}

const isRecord = (v: unknown): v is Record<string, unknown> =>
  typeof v === 'object' && v !== null && !Array.isArray(v);

export function encodePresence(presence: ExecutorBirth | SchedulerBirth | Death): string {
  return JSON.stringify(presence);
}

function parse(payload: Buffer | string): Record<string, unknown> | undefined {
  if (payload.length > 65_536) return undefined;
  try {
    const value: unknown = JSON.parse(payload.toString());
    return isRecord(value) && value['v'] === 1 && typeof value['session'] === 'string'
      ? value
      : undefined;
  } catch {
    return undefined;
  }
}

const isTextList = (v: unknown): boolean =>
  Array.isArray(v) && v.length <= 10_000 && v.every((entry) => typeof entry === 'string');

/** What follows goes into columns of the database: one that it refuses would cost a whole batch. */
const COUNT_MAX = 2 ** 31 - 1;
const isCount = (v: unknown): boolean => Number.isSafeInteger(v) && inRange(v as number);
const inRange = (v: number): boolean => v >= 0 && v <= COUNT_MAX;
const isName = (v: unknown): boolean =>
  typeof v === 'string' && v.length > 0 && v.length <= 200 && !hasControl(v);
const hasControl = (text: string): boolean => Array.from(text).some((char) => char < ' ');

function isExecutorBirth(v: Record<string, unknown>): boolean {
  const { incarnation, cluster, slots, labels } = v;
  return (
    (incarnation === null || isCount(incarnation)) &&
    (cluster === null || typeof cluster === 'string') &&
    ['name', 'version'].every((key) => typeof v[key] === 'string') &&
    isName(v['pool']) &&
    isCount(slots) &&
    isRecord(labels) &&
    Object.values(labels).every((label) => typeof label === 'string') &&
    isTextList(v['capabilities']) &&
    typeof v['draining'] === 'boolean'
  );
}

export function decodeExecutorPresence(
  payload: Buffer | string,
): ExecutorBirth | Death | undefined {
  const value = parse(payload);
  if (value === undefined) return undefined;
  if (value['state'] === 'death') return value as unknown as Death;
  if (value['state'] !== 'birth' || !isExecutorBirth(value)) return undefined;
  return value as unknown as ExecutorBirth;
}

export function decodeSchedulerPresence(
  payload: Buffer | string,
): SchedulerBirth | Death | undefined {
  const value = parse(payload);
  if (value === undefined) return undefined;
  if (value['state'] === 'death') return value as unknown as Death;
  if (value['state'] !== 'birth' || typeof value['life'] !== 'string') return undefined;
  return value as unknown as SchedulerBirth;
}
