import fs from 'node:fs';
import http from 'node:http';
import { Random } from '#sim';
import type { Orrery } from '../support/orrery.js';
import type { Asked, ClientLine } from './histories.js';
import type { Work } from './work.js';

const TICK_MS = 5;
const CONNECTIONS = 256;
/** A gateway that stands still answers nothing. */
const ANSWER_MS = 5_000;
const AGAIN_MS = 500;
const SYNC_MS = 50;
const READ_MS = 50;
/** While nobody answers, those who ask are not more and more. */
const PENDING_MAX = 1_500;
const RECENT = 2_000;
const SUBMIT = `mutation($input: SubmitRunInput!) {
  submitRun(input: $input) { run { id } userErrors { code } } }`;
const CANCEL = `mutation($input: RunActionInput!) {
  cancelRun(input: $input) { userErrors { code } } }`;
const READ = 'query($id: ID!) { run(id: $id) { state } }';

interface Payload {
  readonly run?: { readonly id: string; readonly state: string } | null;
  readonly userErrors?: readonly { readonly code: string }[];
}
interface Answer {
  readonly data?: Readonly<Record<string, Payload | null>> | null;
}

/** Those who submit, cancel and read, at a steady rate; each word they get is put down. */
export class Clients {
  /** Not known to be stored, and still asked for. */
  pending = 0;
  asked = 0;
  acknowledged = 0;
  private readonly agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  private readonly file: number;
  private readonly url: URL;
  private readonly key: string;
  private readonly recent: string[] = [];
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly random: Random;
  private under = 0;

  constructor(
    orrery: Orrery,
    readonly path: string,
    private readonly work: Work,
    seed: number,
  ) {
    this.url = new URL(orrery.endpoint().graphql);
    this.key = orrery.key();
    this.file = fs.openSync(path, 'a');
    this.random = new Random(seed);
  }

  start(perSecond: number): void {
    const since = performance.now();
    this.timers.push(
      setInterval(() => {
        const due = Math.floor(((performance.now() - since) * perSecond) / 1_000);
        while (this.asked < due) {
          const n = this.asked++;
          if (this.pending < PENDING_MAX) this.begin(n);
        }
      }, TICK_MS),
      setInterval(() => fs.fsync(this.file, () => undefined), SYNC_MS),
      setInterval(() => void this.read(), READ_MS),
    );
  }

  /** Nobody asks anew; `isQuiet` once all have been answered. */
  stop(): void {
    for (const timer of this.timers) clearInterval(timer);
  }

  get isQuiet(): boolean {
    return this.under === 0;
  }

  close(): void {
    this.stop();
    this.agent.destroy();
    fs.fsyncSync(this.file);
    fs.closeSync(this.file);
  }

  async post(query: string, variables: object): Promise<Answer | undefined> {
    this.under++;
    const text = await this.send(JSON.stringify({ query, variables }));
    this.under--;
    return text === undefined ? undefined : (JSON.parse(text) as Answer);
  }

  private begin(n: number): void {
    const { key, maxAttempts, once, single, afterMs, ...piece } = this.work.of(n);
    const { input, isCancelled, isAskedOnce } = piece;
    const asked: Asked = {
      ...{ key, maxAttempts },
      ...(once === true ? { once } : {}),
      ...(single === undefined ? {} : { single }),
      ...(afterMs === undefined ? {} : { afterMs }),
    };
    this.write({ what: 'asked', ...asked, at: Date.now() });
    this.pending++;
    void this.submit(key, input, isAskedOnce).then(async (id) => {
      this.pending--;
      if (id === undefined) return;
      this.recent.push(id);
      if (this.recent.length > RECENT) this.recent.shift();
      if (isCancelled) await this.cancel(id);
    });
  }

  private async submit(key: string, input: object, once: boolean): Promise<string | undefined> {
    for (;;) {
      const payload = (await this.post(SUBMIT, { input }))?.data?.['submitRun'];
      const id = payload?.run?.id;
      if (id !== undefined) {
        this.acknowledged++;
        this.write({ what: 'acknowledged', key, id, at: Date.now() });
        return id;
      }
      const code = payload?.userErrors?.[0]?.code;
      if (code !== undefined) {
        this.write({ what: 'refused', key, code, at: Date.now() });
        return undefined;
      }
      if (once) return undefined;
      await this.wait(AGAIN_MS);
    }
  }

  private async cancel(id: string): Promise<void> {
    await this.wait(this.random.int(0, 300));
    const input = { id, idempotencyKey: `cancel-${id}` };
    for (;;) {
      const payload = (await this.post(CANCEL, { input }))?.data?.['cancelRun'];
      if (payload !== null && payload !== undefined) {
        const answer = payload.userErrors?.[0]?.code ?? 'ok';
        this.write({ what: 'cancel', id, answer, at: Date.now() });
        return;
      }
      await this.wait(AGAIN_MS);
    }
  }

  private async read(): Promise<void> {
    if (this.recent.length === 0 || this.pending > CONNECTIONS) return;
    const id = this.random.pick(this.recent);
    const state = (await this.post(READ, { id }))?.data?.['run'] as { state?: string } | undefined;
    if (state?.state !== undefined) {
      this.write({ what: 'read', id, state: state.state, at: Date.now() });
    }
  }

  /** Counts as being under way: who waits will ask again. */
  private async wait(ms: number): Promise<void> {
    this.under++;
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.under--;
  }

  private write(line: ClientLine): void {
    fs.writeSync(this.file, `${JSON.stringify(line)}\n`);
  }

  /** Undefined: nothing was answered, or not in time. */
  private send(body: string): Promise<string | undefined> {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      authorization: `Bearer ${this.key}`,
    };
    return new Promise((resolve) => {
      const options = { method: 'POST', agent: this.agent, headers, timeout: ANSWER_MS };
      const request = http.request(this.url, options, (response) => {
        let text = '';
        response.on('data', (bytes: Buffer) => {
          text += bytes.toString();
        });
        response.on('end', () => resolve(text));
        response.on('error', () => resolve(undefined));
        response.on('aborted', () => resolve(undefined));
      });
      request.on('timeout', () => request.destroy());
      request.on('error', () => resolve(undefined));
      request.on('close', () => resolve(undefined));
      request.end(body);
    });
  }
}
