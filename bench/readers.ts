import { PlainSocket } from './plain-socket.js';

/** What is asked of one subscription, and how its reader reads. */
export interface ReaderPlan {
  readonly filter: Readonly<Record<string, unknown>>;
  /** Between two messages that it takes; 0: as they come. */
  readonly slowMs: number;
}
/** A multiset of events: equal sums and counts mean the same events, none twice. */
export interface Tally {
  readonly count: number;
  readonly sum: number;
}
export interface ReaderState extends Tally {
  /** The code of the error that ended it. */
  readonly ended: string | null;
}
export interface SeenEvent {
  readonly at: string;
  readonly type: string;
  readonly to: string | null;
  readonly attempt: number | null;
  readonly run: { readonly id: string };
}
interface Message {
  readonly type: string;
  readonly payload?: unknown;
}
const NEXT = '{"id":"1","type":"next","payload":{"data":{"runEvents":{"cursor":"';
const EVENT = '{"at":"';
/** How long `EVENT` is with the time behind it. */
const SAID = /"type":"(\w+)".*?"attempt":(\w+),"run":\{"id":"([^"]+)"/;
const AT_CHARS = EVENT.length + '2026-11-21T00:00:00.000Z'.length;

const queryOf = (more: string): string => `subscription ($filter: RunFilter, $after: Cursor) {
  runEvents(project: "demo", filter: $filter, after: $after) {
    cursor events { at type to attempt run { id } ${more} } } }`;
const QUERY = queryOf('');
/** So that a socket takes in little of what is not read: some hundred bytes more an event. */
const WIDE = queryOf([1, 2, 3, 4, 5, 6, 7, 8].map((n) => `again${n}: at`).join(' '));
const LATE_MS_MAX = 10_000;
const FNV = 0x01000193;

export const weigh = ({ type, attempt, run }: Omit<SeenEvent, 'at' | 'to'>): number =>
  weightOf(`${type}/${attempt}/${run.id}`);

function weightOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV);
  return hash >>> 0;
}

/** How late events came, in whole milliseconds. */
export class Lateness {
  readonly counts: number[] = Array.from({ length: LATE_MS_MAX + 1 }, () => 0);

  note(ms: number): void {
    const at = Math.min(LATE_MS_MAX, Math.max(0, Math.round(ms)));
    this.counts[at] = (this.counts[at] ?? 0) + 1;
  }

  quantile(q: number): number {
    const total = this.counts.reduce((sum, count) => sum + count, 0);
    let left = total * q;
    return this.counts.findIndex((count) => (left -= count) <= 0);
  }
}

/** One subscription on a socket of its own, with as little of a client as there can be. */
export class Reader {
  private socket: PlainSocket | undefined;
  private timer: NodeJS.Timeout | undefined;
  private opened: (() => void) | undefined;
  private cursor: string | undefined;
  private tally = { count: 0, sum: 0 };
  private slowMs: number;
  ended: string | null = null;
  frames = 0;

  constructor(
    private readonly target: { readonly url: string; readonly key: string },
    private readonly plan: ReaderPlan,
    private readonly lateness: Lateness | undefined,
  ) {
    this.slowMs = plan.slowMs;
  }

  get state(): ReaderState {
    return { ...this.tally, ended: this.ended };
  }

  /** Resolves with the first frame; from the last cursor on, when there is one. */
  open(): Promise<void> {
    const { url, key } = this.target;
    this.ended = null;
    const send = (message: unknown): void => socket.send(JSON.stringify(message));
    const socket = new PlainSocket(new URL(url), {
      opened: () => send({ type: 'connection_init', payload: { key } }),
      closed: (code) => this.over(`closed ${code}`),
      text: (text) => {
        if (text.startsWith(NEXT)) this.take(text);
        else if (text.startsWith('{"type":"connection_ack"')) {
          const variables = { filter: this.plan.filter, after: this.cursor };
          const query = this.plan.slowMs === 0 ? QUERY : WIDE;
          send({ id: '1', type: 'subscribe', payload: { query, variables } });
        } else this.hear(JSON.parse(text) as Message);
      },
    });
    this.socket = socket;
    return new Promise((resolve) => {
      this.opened = resolve;
    });
  }

  /** What it has read was for practice. */
  forget(): void {
    this.tally = { count: 0, sum: 0 };
    this.frames = 0;
  }

  /** From now on it reads as fast as it can. */
  hurry(): void {
    this.slowMs = 0;
    clearTimeout(this.timer);
    this.socket?.resume();
  }

  close(): void {
    clearTimeout(this.timer);
    this.socket?.close();
  }

  private hear({ type, payload }: Message): void {
    if (type !== 'error') return;
    const [error] = payload as { readonly extensions: Record<string, string> }[];
    this.cursor = error?.extensions['resume'] ?? this.cursor;
    this.over(error?.extensions['code'] ?? 'error');
    this.socket?.close();
  }

  /** Only what is compared is read of a message: whatever else it says would be missed there. */
  private take(text: string): void {
    const now = Date.now();
    this.frames++;
    this.cursor = text.slice(NEXT.length, text.indexOf('"', NEXT.length));
    for (let from = text.indexOf(EVENT); from >= 0; ) {
      const next = text.indexOf(EVENT, from + AT_CHARS);
      this.note(now, text.slice(from, next < 0 ? undefined : next));
      from = next;
    }
    this.opened?.();
    if (this.slowMs === 0) return;
    this.socket?.pause();
    this.timer = setTimeout(() => this.socket?.resume(), this.slowMs);
  }

  private note(now: number, event: string): void {
    this.lateness?.note(now - Date.parse(event.slice(EVENT.length, AT_CHARS)));
    const [, type, attempt, run] = SAID.exec(event) ?? [];
    this.tally.count++;
    this.tally.sum = (this.tally.sum + weightOf(`${type}/${attempt}/${run}`)) % 2 ** 32;
  }

  private over(code: string): void {
    this.ended ??= code;
    this.opened?.();
  }
}

/** Several, in one process. */
export class Readers {
  private readonly readers: Reader[] = [];
  private readonly lateness = new Lateness();

  async open(
    target: { readonly url: string; readonly key: string },
    plans: readonly ReaderPlan[],
  ): Promise<void> {
    for (const plan of plans) {
      const lateness = plan.slowMs === 0 ? this.lateness : undefined;
      const reader = new Reader(target, plan, lateness);
      this.readers.push(reader);
      await reader.open();
    }
  }

  async states(): Promise<readonly ReaderState[]> {
    return await Promise.resolve(this.readers.map(({ state }) => state));
  }

  async figures(): Promise<Readonly<Record<'p50' | 'p99' | 'max' | 'frames', number>>> {
    const [p50, p99, max] = [0.5, 0.99, 1].map((q) => this.lateness.quantile(q));
    const frames = this.readers.reduce((sum, reader) => sum + reader.frames, 0);
    return await Promise.resolve({ p50: p50 ?? -1, p99: p99 ?? -1, max: max ?? -1, frames });
  }

  async forget(): Promise<void> {
    for (const reader of this.readers) reader.forget();
    this.lateness.counts.fill(0);
    return await Promise.resolve();
  }

  /** Those that are left unread what they have, until they end. */
  async hurry(): Promise<void> {
    for (const reader of this.readers) reader.hurry();
    return await Promise.resolve();
  }

  /** The first so many that have ended go on from their last cursor. */
  async resume(count: number): Promise<void> {
    const ended = this.readers.filter((reader) => reader.ended !== null);
    await Promise.all(ended.slice(0, count).map((reader) => reader.open()));
  }

  async close(): Promise<void> {
    for (const reader of this.readers) reader.close();
    return await Promise.resolve();
  }
}
