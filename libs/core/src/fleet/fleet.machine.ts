import type { Machine, Millis } from '../kernel/machine.js';
import { MassSilence, type MassSilenceBegun } from './mass-silence.js';

/**
 * What one thread knows of executors, by levels (architecture §6): births, deaths and beats in,
 * silence and return out. Invariants:
 *  F1 silence counts only while we could hear: a gap of ours starts every count anew;
 *  F2 a death of another session is no news; F3 an older incarnation is ignored;
 *  F4 what falls silent together is known as such, by pool (3.2).
 */
export interface FleetMember {
  readonly executor: string;
  session: string;
  incarnation: number;
  pool: string;
  slots: number;
  capabilities: readonly string[];
  draining: boolean;
  heardAt: Millis;
  online: boolean;
  /** A person wants it to be given nothing new. */
  isClosed: boolean;
}
/** Since a person has closed it; `dueAt`: when what runs on it is stopped, if ever. */
export interface ClosedMember {
  readonly isDrained: boolean;
  readonly dueAt: Millis | null;
}
export interface FleetState {
  readonly members: Map<string, FleetMember>;
  /** Since when we hear without a gap; null while our own link is down. */
  hearingSince: Millis | null;
  /** Sessions whose death was seen: their late beats are no life. */
  readonly dead: Map<string, string>;
  readonly mass: MassSilence;
  closed: ReadonlyMap<string, ClosedMember>;
}
export type FleetMessage =
  | {
      readonly kind: 'birth';
      readonly executor: string;
      readonly session: string;
      readonly incarnation: number | null;
      readonly pool: string;
      readonly slots: number;
      readonly capabilities: readonly string[];
      readonly draining: boolean;
    }
  | { readonly kind: 'death'; readonly executor: string; readonly session: string }
  | {
      readonly kind: 'beat';
      readonly executor: string;
      readonly session: string;
      readonly slots: number;
      readonly busy: number;
    }
  | { readonly kind: 'link'; readonly up: boolean }
  /** We ourselves stood still: whatever was said meanwhile, we could not hear. */
  | { readonly kind: 'stalled' }
  /** All who are closed now, as the database has it. */
  | { readonly kind: 'closed'; readonly executors: ReadonlyMap<string, ClosedMember> }
  /** It has attempts open, and was not heard in all the time that we could have heard it. */
  | { readonly kind: 'missing'; readonly executor: string; readonly pool: string }
  | {
      readonly kind: 'tick';
      readonly silentAfterMs: Millis;
      readonly massLossAfterMs: Millis;
    };
export type FleetEffect =
  | { readonly kind: 'online'; readonly member: FleetMember; readonly isNew: boolean }
  | { readonly kind: 'offline'; readonly member: FleetMember }
  /** We hear nobody now: whoever is silent may have spoken meanwhile. */
  | { readonly kind: 'deaf' }
  | ({ readonly kind: 'mass-silence' } & MassSilenceBegun)
  | { readonly kind: 'beat'; readonly member: FleetMember; readonly busy: number }
  | { readonly kind: 'ask-birth'; readonly executor: string; readonly session: string };

export const emptyFleet = (): FleetState => ({
  members: new Map(),
  hearingSince: null,
  dead: new Map(),
  mass: new MassSilence(),
  closed: new Map(),
});

export const fleetMachine: Machine<FleetState, FleetMessage, FleetEffect> = {
  step(state, message, now, emit) {
    switch (message.kind) {
      case 'birth':
        birth(state, message, now, emit);
        break;
      case 'death':
        death(state, message, now, emit);
        break;
      case 'beat':
        beat(state, message, now, emit);
        break;
      case 'link':
        link(state, message.up, now, emit);
        break;
      case 'stalled':
        if (state.hearingSince !== null) state.hearingSince = now;
        state.mass.restart(now);
        emit({ kind: 'deaf' });
        break;
      case 'closed':
        close(state, message.executors, emit);
        break;
      case 'missing':
        state.mass.fell(message.executor, message.pool, now);
        break;
      case 'tick':
        silence(state, message.silentAfterMs, now, emit);
        if (message.massLossAfterMs > 0) judge(state, emit);
        break;
      default: {
        const never: never = message;
        return never;
      }
    }
    return state;
  },
};

/** Who was away may have come back while we could not hear: of those nothing is known any more. */
function link(
  state: FleetState,
  up: boolean,
  now: Millis,
  emit: (effect: FleetEffect) => void,
): void {
  if (up && state.hearingSince === null) {
    state.hearingSince = now;
    state.dead.clear();
    for (const [executor, { online }] of state.members) if (!online) state.members.delete(executor);
  } else if (!up) {
    state.hearingSince = null;
    state.mass.forget();
    emit({ kind: 'deaf' });
  }
}

function birth(
  state: FleetState,
  message: Extract<FleetMessage, { kind: 'birth' }>,
  now: Millis,
  emit: (effect: FleetEffect) => void,
): void {
  const { executor, session, incarnation } = message;
  const known = state.members.get(executor);
  if (incarnation === null || state.dead.get(executor) === session) return;
  if (known !== undefined && incarnation < known.incarnation) return;
  const isNew =
    known === undefined ||
    !known.online ||
    known.session !== session ||
    known.incarnation !== incarnation;
  const member: FleetMember = {
    executor,
    session,
    incarnation,
    pool: message.pool,
    slots: message.slots,
    capabilities: message.capabilities,
    draining: message.draining,
    heardAt: now,
    online: true,
    isClosed: state.closed.has(executor),
  };
  state.members.set(executor, member);
  state.mass.heard(executor, now);
  emit({ kind: 'online', member, isNew });
}

function death(
  state: FleetState,
  message: Extract<FleetMessage, { kind: 'death' }>,
  now: Millis,
  emit: (effect: FleetEffect) => void,
): void {
  state.dead.set(message.executor, message.session);
  const known = state.members.get(message.executor);
  if (known === undefined || known.session !== message.session || !known.online) return;
  lose(state, known, now, emit);
}

function beat(
  state: FleetState,
  message: Extract<FleetMessage, { kind: 'beat' }>,
  now: Millis,
  emit: (effect: FleetEffect) => void,
): void {
  const { executor, session } = message;
  const known = state.members.get(executor);
  if (state.dead.get(executor) === session) return;
  if (known === undefined || known.session !== session) {
    emit({ kind: 'ask-birth', executor, session });
    return;
  }
  known.heardAt = now;
  known.slots = message.slots;
  if (!known.online) {
    known.online = true;
    state.mass.heard(executor, now);
    emit({ kind: 'online', member: known, isNew: true });
  }
  emit({ kind: 'beat', member: known, busy: message.busy });
}

function close(
  state: FleetState,
  closed: ReadonlyMap<string, ClosedMember>,
  emit: (effect: FleetEffect) => void,
): void {
  state.closed = closed;
  for (const member of state.members.values()) {
    const isClosed = closed.has(member.executor);
    if (member.isClosed === isClosed) continue;
    member.isClosed = isClosed;
    if (member.online) emit({ kind: 'online', member, isNew: false });
  }
}

function silence(
  state: FleetState,
  silentAfterMs: Millis,
  now: Millis,
  emit: (effect: FleetEffect) => void,
): void {
  const { hearingSince } = state;
  if (hearingSince === null) return;
  for (const member of state.members.values()) {
    if (!member.online || now - Math.max(member.heardAt, hearingSince) < silentAfterMs) continue;
    lose(state, member, now, emit);
  }
}

function lose(
  { mass }: FleetState,
  member: FleetMember,
  now: Millis,
  emit: (effect: FleetEffect) => void,
): void {
  member.online = false;
  // Who drains was about to go.
  if (!member.draining) mass.fell(member.executor, member.pool, now);
  emit({ kind: 'offline', member });
}

function judge({ mass, members }: FleetState, emit: (effect: FleetEffect) => void): void {
  const online = (pool: string): number => {
    let count = 0;
    for (const member of members.values()) {
      if (member.online && !member.draining && member.pool === pool) count++;
    }
    return count;
  };
  for (const begun of mass.judge(online)) emit({ kind: 'mass-silence', ...begun });
}
