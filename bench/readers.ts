import { WebSocket } from 'ws';

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
interface Frame {
  readonly cursor: string;
  readonly events: readonly SeenEvent[];
}
interface Message {
  readonly type: string;
  readonly payload?: unknown;
}

const queryOf = (more: string): string => `subscription ($filter: RunFilter, $after: Cursor) {
  runEvents(project: "demo", filter: $filter, after: $after) {
    cursor events { at type to attempt run { id } ${more} } } }`;
const QUERY = queryOf('');
/** So that a socket takes in little of what is not read: some hundred bytes more an event. */
const WIDE = queryOf([1, 2, 3, 4, 5, 6, 7, 8].map((n) => `again${n}: at`).join(' '));
const LATE_MS_MAX = 10_000;
const FNV = 0x01000193;

export function weigh({ type, attempt, run }: Omit<SeenEvent, 'at' | 'to'>): number {
  let hash = 0x811c9dc5;
  const text = `${type}/${attempt}/${run.id}`;
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
  private socket: WebSocket | undefined;
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
    const socket = new WebSocket(url, 'graphql-transport-ws', { perMessageDeflate: false });
    this.socket = socket;
    this.ended = null;
    const send = (message: unknown): void => socket.send(JSON.stringify(message));
    socket.on('open', () => send({ type: 'connection_init', payload: { key } }));
    socket.on('error', () => undefined); // a close follows
    socket.on('close', (code) => this.over(`closed ${code}`));
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Message;
      if (message.type === 'connection_ack') {
        const variables = { filter: this.plan.filter, after: this.cursor };
        const query = this.plan.slowMs === 0 ? QUERY : WIDE;
        send({ id: '1', type: 'subscribe', payload: { query, variables } });
      } else this.hear(message);
    });
    return new Promise((resolve) => {
      this.opened = resolve;
    });
  }

  /** From now on it reads as fast as it can. */
  hurry(): void {
    this.slowMs = 0;
    clearTimeout(this.timer);
    this.socket?.resume();
  }

  close(): void {
    clearTimeout(this.timer);
    this.socket?.terminate();
  }

  private hear({ type, payload }: Message): void {
    if (type === 'next') {
      const { data } = payload as { readonly data: { readonly runEvents: Frame } };
      this.take(data.runEvents);
      this.opened?.();
    } else if (type === 'error') {
      const [error] = payload as { readonly extensions: Record<string, string> }[];
      this.cursor = error?.extensions['resume'] ?? this.cursor;
      this.over(error?.extensions['code'] ?? 'error');
      this.socket?.close();
    }
  }

  private take({ cursor, events }: Frame): void {
    const now = Date.now();
    this.frames++;
    this.cursor = cursor;
    for (const event of events) {
      this.lateness?.note(now - Date.parse(event.at));
      this.tally.count++;
      this.tally.sum = (this.tally.sum + weigh(event)) % 2 ** 32;
    }
    if (this.slowMs === 0) return;
    this.socket?.pause();
    this.timer = setTimeout(() => this.socket?.resume(), this.slowMs);
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
