import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Frames } from '../../support/frames.js';
import { Link } from '../../support/link.js';
import { Orrery, isAlive } from '../support/orrery.js';
import { eventually } from '../support/runs.js';
import { usageOf } from '../support/usage.js';
import { linesOf } from './account.js';
import { clockFrom, step, whyOneClock } from './clock.js';
import { empty, fill, whyNeverFull } from './disk.js';
import type { FaultLine } from './histories.js';
import { Kept } from './kept.js';
import type { Fault, Targets } from './plan.js';

const ROOT = path.resolve(import.meta.dirname, '..', '..', '..');
const SCHEDULER = path.join(ROOT, 'dist', 'apps', 'scheduler', 'src', 'main.js');
const START_MS = 80_000;
/** Silence is noticed soon: a pause of some seconds is longer than any time-out. */
export const SILENT_AFTER_MS = 3_000;
const BEAT_MS = 1_000;
/** The first scheduler and the executor for shell jobs are those of `orrery dev`, without links. */
const SCHEDULERS = ['scheduler-2', 'scheduler-3'];
const HANDS = ['hand-1', 'hand-2', 'hand-3'];
const SERVER_ROLES: Readonly<Record<string, string>> = {
  gateway: 'gateway',
  broker: 'broker',
  postgres: 'postgres-server',
  'scheduler-1': 'scheduler',
  'executor-1': 'executor',
};

export const TARGETS: Targets = {
  workers: ['scheduler-1', 'executor-1', ...SCHEDULERS, ...HANDS],
  servers: ['gateway', 'broker', 'postgres'],
  links: [
    ...SCHEDULERS.flatMap((name) => [`${name}:database`, `${name}:broker`]),
    ...HANDS.map((name) => `${name}:broker`),
  ],
  wires: [...SCHEDULERS, ...HANDS].map((name) => `${name}:broker`),
  clocks: whyOneClock === undefined ? SCHEDULERS : [],
  disks: whyNeverFull() === undefined ? HANDS : [],
};

/** Every process of a small cluster, with a way to each that can be cut. */
export class Town {
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery-storm-'));
  readonly faults: FaultLine[] = [];
  /** Words of MQTT that were lost, doubled or delayed. */
  touched = 0;
  readonly orrery: Orrery;
  private readonly links = new Map<string, Link>();
  private readonly wires = new Map<string, Frames>();
  private readonly kept = new Map<string, Kept>();
  private readonly healing = new Set<{
    readonly timer: NodeJS.Timeout;
    readonly heal: () => void;
  }>();

  constructor() {
    // The database's user must reach its data below it.
    fs.chmodSync(this.directory, 0o755);
    this.orrery = new Orrery(path.join(this.directory, 'home'), {
      ORRERY_SILENT_AFTER: `${SILENT_AFTER_MS}ms`,
      ORRERY_BEAT: `${BEAT_MS}ms`,
      ORRERY_EXECUTOR_SLOTS: '10',
    });
  }

  get jobsFile(): string {
    return path.join(this.directory, 'jobs');
  }

  async begin(): Promise<void> {
    const { mqtt, databaseUrl } = await this.orrery.start();
    const through = async (name: string, url: string): Promise<string> => {
      const to = new URL(url);
      const port = Number(to.port);
      const isWire = TARGETS.wires.includes(name);
      if (isWire) this.wires.set(name, new Frames());
      const link = new Link(() => port, this.wires.get(name));
      this.links.set(name, link);
      to.port = String(await link.start());
      return to.href;
    };
    for (const name of SCHEDULERS) {
      this.keep(name, SCHEDULER, {
        ...this.orrery.environment,
        DATABASE_URL: await through(`${name}:database`, databaseUrl),
        MQTT_URL: await through(`${name}:broker`, mqtt),
        ORRERY_SCHEDULER_NAME: name,
        ...clockFrom(this.clockOf(name)),
      });
    }
    for (const name of HANDS) {
      this.keep(name, path.join(import.meta.dirname, 'hand.mjs'), {
        PATH: process.env['PATH'],
        HAND_MQTT: await through(`${name}:broker`, mqtt),
        HAND_ID: name,
        HAND_HOME: path.join(this.directory, name),
        HAND_FILE: this.jobsFile,
        HAND_BEAT_MS: String(BEAT_MS),
      });
    }
    await this.whole();
  }

  async end(): Promise<void> {
    this.calm();
    for (const kept of this.kept.values()) kept.stop();
    await Promise.all([...this.links.values()].map((link) => link.stop()));
    await this.orrery.remove();
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  /** Every executor is there, and every scheduler has been seen. */
  async whole(): Promise<void> {
    const client = this.orrery.client();
    const look = async (): Promise<readonly string[]> => {
      const answer = await client.request<{
        executors: { nodes: { id: string; state: string }[] };
        cluster: { schedulers: { name: string }[] };
      }>('query { executors { nodes { id state } } cluster { schedulers { name } } }');
      if (!answer.ok) return [];
      const { executors, cluster } = answer.value;
      const active = executors.nodes.filter(({ state }) => state === 'ACTIVE');
      return [...active.map(({ id }) => id), ...cluster.schedulers.map(({ name }) => name)];
    };
    await eventually(
      look,
      (seen) => [...HANDS, ...SCHEDULERS].every((name) => seen.includes(name)),
      START_MS,
    );
    await client.close();
  }

  pidOf(target: string): number {
    const role = SERVER_ROLES[target];
    if (role === undefined) return this.kept.get(target)?.pid ?? 0;
    return this.orrery.pidsOf(role)[0] ?? 0;
  }

  /** Whoever is meant is away already: then nothing is done, and nothing put down. */
  strike(fault: Fault): void {
    const { what, target } = fault;
    if (what === 'cut' || what === 'stall') {
      const link = this.link(target);
      this.note(what === 'cut' ? what : `stall (${fault.way})`, target);
      if (what === 'cut') link.close();
      else link.stall(fault.way);
      this.later(fault.ms, () => {
        if (what === 'cut') link.open();
        else link.flow();
        this.note(`${what} is over`, target);
      });
      return;
    }
    if (what === 'clock') {
      this.note(`clock: ${fault.seconds} s off`, target);
      step(this.clockOf(target), fault.seconds);
      return;
    }
    if (what === 'frames') {
      this.disturb(fault);
      return;
    }
    const pid = this.pidOf(target);
    if (pid === 0 || !isAlive(pid)) return;
    if (what === 'kill') {
      this.note(what, target, [pid]);
      process.kill(pid, 'SIGKILL');
      return;
    }
    this.note(what, target);
    if (what === 'full') {
      fill(pid);
      this.later(fault.ms, () => {
        this.note('there is room again', target);
        if (isAlive(pid)) empty(pid);
      });
      return;
    }
    const pids = usageOf([pid]).map((each) => each.pid);
    for (const each of pids) signal(each, 'SIGSTOP');
    this.later(fault.ms, () => {
      this.note('pause is over', target);
      for (const each of pids) signal(each, 'SIGCONT');
    });
  }

  private clockOf(name: string): string {
    return path.join(this.directory, `${name}.clock`);
  }

  /** The words on a link to the broker; how many were struck is put down at the end. */
  private disturb(fault: Fault & { readonly what: 'frames' }): void {
    const { target, deed, way, share, ms, atMs } = fault;
    const frames = this.wires.get(target);
    if (frames === undefined) throw new Error(`there is no MQTT on the link ${target}`);
    const before = frames.touched;
    this.note(`words: ${deed} ${share} (${way})`, target);
    frames.begin({ deed, way, share, seed: atMs });
    this.later(ms, () => {
      frames.calm();
      const words = frames.touched - before;
      this.touched += words;
      this.note(`words: over, ${words} were struck`, target);
    });
  }

  /** All that still lasts is over. */
  calm(): void {
    for (const each of this.healing) {
      clearTimeout(each.timer);
      each.heal();
    }
    this.healing.clear();
  }

  link(name: string): Link {
    const link = this.links.get(name);
    if (link === undefined) throw new Error(`there is no link ${name}`);
    return link;
  }

  /** The log of one that is kept here, read as JSON. */
  log(name: string): readonly Readonly<Record<string, unknown>>[] {
    return linesOf(path.join(this.directory, `${name}.log`));
  }

  /** What a test does by itself is put down as well. */
  note(what: string, target: string, pids?: readonly number[]): void {
    this.faults.push({ what, target, at: Date.now(), ...(pids === undefined ? {} : { pids }) });
  }

  private later(ms: number, heal: () => void): void {
    const each = {
      heal,
      timer: setTimeout(() => {
        this.healing.delete(each);
        heal();
      }, ms),
    };
    this.healing.add(each);
  }

  private keep(name: string, file: string, environment: NodeJS.ProcessEnv): void {
    const kept = new Kept(name, file, environment, path.join(this.directory, `${name}.log`));
    this.kept.set(name, kept);
    kept.start();
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}
