import type { ExecutorCell } from '#core';
import type { ExecutorBirth } from '#protocol';
import { Fleet, type FleetHost, type Observed } from '../fleet.js';

export const SILENT_AFTER_MS = 15_000;

/** What one thread knows of the fleet, with nobody around it; it starts at 1,000, linked. */
export class FleetRig {
  now = 1_000;
  isHome = true;
  asked: string[] = [];
  born: string[] = [];
  readonly warned: string[] = [];
  readonly fleet: Fleet;

  constructor() {
    const nothing = (): void => undefined;
    const warn = (text: string): void => void this.warned.push(text);
    const host: FleetHost = {
      life: 'life',
      log: { debug: nothing, info: nothing, warn, error: nothing },
      silentAfterMs: SILENT_AFTER_MS,
      massLossAfterMs: 60_000,
      mono: () => this.now,
      isHome: () => this.isHome,
      born: ({ executor, session }) => void this.born.push(`${executor}/${session}`),
      gone: nothing,
      online: nothing,
      offline: nothing,
      deaf: nothing,
      busy: nothing,
      heard: nothing,
      silent: nothing,
      answerBeat: nothing,
      askBirth: (executor, session) => void this.asked.push(`${executor}/${session}`),
    };
    this.fleet = new Fleet(host);
    this.fleet.link(true);
  }

  seconds(count: number): void {
    for (let i = 0; i < count; i++) {
      this.now += 1_000;
      this.fleet.tick();
    }
  }
}

export function birth(session: string, incarnation = 1): ExecutorBirth {
  return {
    v: 1,
    state: 'birth',
    session,
    incarnation,
    cluster: 'life',
    name: 'x1',
    version: '0',
    pool: 'default',
    slots: 4,
    labels: {},
    capabilities: ['shell'],
    draining: false,
  };
}

/** A partition with one open attempt on x1, or with its cell. */
export function partition(claimedAt: number, cell?: Partial<ExecutorCell>): Observed {
  const executors = new Map<string, ExecutorCell>();
  if (cell !== undefined) {
    const detail = { name: '', version: '', slots: 4, labels: {}, capabilities: [] };
    executors.set('x1', {
      id: 'x1',
      pool: 'default',
      state: 'ACTIVE',
      incarnation: 1,
      handed: 1,
      since: 0,
      session: 's1',
      detail: { ...detail, draining: false },
      closed: null,
      ...cell,
    });
  }
  return { claimedAt, state: { ...holding(cell === undefined ? ['x1'] : []), executors } };
}

/** Each of them has a run of this pool. */
export function holding(on: readonly string[]): Pick<Observed['state'], 'byExecutor' | 'open'> {
  const cell = { facts: { pool: 'default' } };
  return {
    byExecutor: new Map(on.map((executor) => [executor, new Set([`r-${executor}`])])),
    open: new Map(on.map((executor) => [`r-${executor}`, { cell }])),
  };
}
