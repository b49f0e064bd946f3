import http from 'node:http';
import type { Orrery } from './orrery.js';

const TICK_MS = 5;
const CONNECTIONS = 512;
const SUBMIT = `mutation($input: SubmitRunInput!) {
  submitRun(input: $input) { run { id } userErrors { code } } }`;

/** One request, as its client saw it. Times are of `Date.now()`. */
export interface Sent {
  readonly at: number;
  /** How long until it was answered. */
  readonly ms: number;
  /** Acknowledged under this id. */
  readonly id: string | undefined;
  /** Else what it was answered, and when to come again. */
  readonly code: string | undefined;
  readonly retryAfter: string | undefined;
}

interface Answer {
  readonly data?: { readonly submitRun?: Payload };
  readonly errors?: readonly {
    readonly extensions?: { readonly code?: string; readonly retryAfter?: string };
  }[];
}
interface Payload {
  readonly run: { readonly id: string } | null;
  readonly userErrors: readonly { readonly code: string }[];
}

/** Submits one run after the other at a steady rate, whatever becomes of those before. */
export class Steady {
  readonly sent: Sent[] = [];
  private readonly agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  private readonly under = new Set<Promise<void>>();
  private timer: NodeJS.Timeout | undefined;
  private begun = 0;
  private readonly url: URL;
  private readonly key: string;

  constructor(
    orrery: Orrery,
    private readonly perSecond: number,
    private readonly input: (n: number) => object,
  ) {
    this.url = new URL(orrery.endpoint().graphql);
    this.key = orrery.key();
  }

  start(): void {
    const since = performance.now();
    const before = this.begun;
    this.timer = setInterval(() => {
      const due = before + Math.floor(((performance.now() - since) * this.perSecond) / 1_000);
      while (this.begun < due) this.send(this.begun++);
    }, TICK_MS);
  }

  /** No more of them; those under way are answered first. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.under);
    this.agent.destroy();
  }

  get acknowledged(): readonly string[] {
    return this.sent.flatMap(({ id }) => (id === undefined ? [] : [id]));
  }

  private send(n: number): void {
    const at = Date.now();
    const body = JSON.stringify({ query: SUBMIT, variables: { input: this.input(n) } });
    const under = this.post(body).then((text) => {
      const ms = Date.now() - at;
      this.sent.push({ at, ms, ...meaning(text) });
      this.under.delete(under);
    });
    this.under.add(under);
  }

  /** Undefined: nothing was answered. */
  private post(body: string): Promise<string | undefined> {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      authorization: `Bearer ${this.key}`,
    };
    return new Promise((resolve) => {
      const request = http.request(
        this.url,
        { method: 'POST', agent: this.agent, headers },
        (response) => {
          let text = '';
          response.on('data', (bytes: Buffer) => {
            text += bytes.toString();
          });
          response.on('end', () => resolve(text));
          response.on('error', () => resolve(undefined));
        },
      );
      request.on('error', () => resolve(undefined));
      request.end(body);
    });
  }
}

function meaning(text: string | undefined): Pick<Sent, 'id' | 'code' | 'retryAfter'> {
  if (text === undefined) return { id: undefined, code: 'NO_ANSWER', retryAfter: undefined };
  const { data, errors } = JSON.parse(text) as Answer;
  const { code, retryAfter } = errors?.[0]?.extensions ?? {};
  const payload = data?.submitRun;
  return {
    id: payload?.run?.id,
    code: code ?? payload?.userErrors[0]?.code,
    retryAfter,
  };
}

/** The p-th part of them is at most this. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? 0);
}
