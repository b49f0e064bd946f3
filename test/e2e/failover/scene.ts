import { type ChildProcess, fork } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until } from '#actor';
import { startsOf } from '../chaos/history.js';
import { Orrery, kill } from '../support/orrery.js';
import { eventually } from '../support/runs.js';
import { Steady } from '../support/steady.js';
import { Story, type ToldRun } from '../support/story.js';

const MARKERS = 3;
const PER_SECOND = 150;
const START_MS = 20_000;
const FINAL = /^(SUCCEEDED|DEAD|CANCELLED|EXPIRED|SKIPPED)$/;

/** Some schedulers, and three executors that say in a file what they begin. */
export class Scene {
  readonly orrery: Orrery;
  readonly began = Date.now();
  private readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery-failover-'));
  private readonly markers: ChildProcess[] = [];
  private opened: Story | undefined;

  constructor(
    private readonly schedulers = 3,
    variables: Readonly<Record<string, string>> = {},
  ) {
    // The database's user must reach its data below it.
    fs.chmodSync(this.directory, 0o755);
    this.orrery = new Orrery(path.join(this.directory, 'home'), variables);
  }

  get story(): Story {
    if (this.opened === undefined) throw new Error('the scene has not begun');
    return this.opened;
  }

  async begin(): Promise<void> {
    const { mqtt, databaseUrl } = await this.orrery.start(['--schedulers', `${this.schedulers}`]);
    this.opened = new Story(databaseUrl);
    let started = 0;
    for (let n = 0; n < MARKERS; n++) {
      const env = {
        ...process.env,
        MQTT_URL: mqtt,
        MARKER_ID: `marker-${n}`,
        MARKER_HOME: path.join(this.directory, `marker-${n}`),
        MARKER_FILE: this.file,
      };
      const marker = fork(path.join(import.meta.dirname, 'marker.mjs'), [], { env });
      marker.on('message', () => started++);
      this.markers.push(marker);
    }
    await until(() => started === MARKERS, START_MS);
  }

  async end(): Promise<void> {
    for (const marker of this.markers) kill(marker.pid ?? 0);
    await this.opened?.close();
    await this.orrery.remove();
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  /** `ms`: how long each of its runs takes. */
  load(perSecond = PER_SECOND, ms = 0): Steady {
    return new Steady(this.orrery, perSecond, () => this.input(ms));
  }

  input(ms: number): Readonly<Record<string, unknown>> {
    const spec = { kind: 'function', name: 'mark', retry: { maxAttempts: 3, delay: '100ms' } };
    return { project: 'demo', spec, params: { ms } };
  }

  pidOf(name: string): number {
    return this.orrery.endpoint().processes.find((each) => each.name === name)?.pid ?? 0;
  }

  /** Of the executor `marker-N`. */
  pidOfMarker(n: number): number {
    return this.markers[n]?.pid ?? 0;
  }

  /** What the threads of a scheduler own. */
  ownedBy(scheduler: string): Promise<ReadonlySet<number>> {
    return this.story.ownedBy(scheduler);
  }

  /** `run attempt`, and how often each began. */
  starts(): ReadonlyMap<string, number> {
    return startsOf(this.file);
  }

  /** What became of these runs, once all of them are final. */
  async ended(ids: readonly string[], boundMs: number): Promise<readonly ToldRun[]> {
    const wanted = new Set(ids);
    const look = async (): Promise<readonly ToldRun[]> =>
      (await this.story.runs(this.began)).filter(({ id }) => wanted.has(id));
    const all = await eventually(
      async () => {
        const runs = await look();
        const left = runs.filter(({ state }) => !FINAL.test(state));
        return { missing: wanted.size - runs.length, left: left.length, first: left[0], runs };
      },
      ({ missing, left }) => missing + left === 0,
      boundMs,
    );
    return all.runs;
  }

  private get file(): string {
    return path.join(this.directory, 'starts');
  }
}
