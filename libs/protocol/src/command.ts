import type { Close, CommandAction, RunChange } from '#core';

/** What a command's inbox row holds. */
export type CommandPayload = CommandAction & { readonly by: string; readonly reason: string };

/** What the inbox row holds by which an executor is closed or opened. */
export type ClosePayload = Omit<Close, 'kind' | 'inbox'>;

export const encodeClose = (payload: ClosePayload): string => JSON.stringify(payload);

export const encodeCommand = (payload: CommandPayload): string => JSON.stringify(payload);

const isText = (v: unknown): v is string => typeof v === 'string';
const isNumber = (v: unknown): v is number => typeof v === 'number' && Number.isFinite(v);
type Members = Readonly<Record<string, unknown>>;

/** Undefined: no command of ours. */
export function decodeCommand(text: string): CommandPayload | undefined {
  const members = membersOf(text);
  if (members === undefined) return undefined;
  const { by, reason } = members;
  if (!isText(by) || !isText(reason)) return undefined;
  const action = actionOf(members);
  return action && { ...action, by, reason };
}

/** Undefined: nothing of ours. */
export function decodeClose(text: string): ClosePayload | undefined {
  const { executor, as, by, reason, withinMs } = membersOf(text) ?? {};
  if (!isText(executor) || !isText(by) || !isText(reason)) return undefined;
  if (as !== null && as !== 'CORDONED' && as !== 'DRAINING') return undefined;
  if (withinMs !== null && !isNumber(withinMs)) return undefined;
  return { executor, as, by, reason, withinMs };
}

function membersOf(text: string): Members | undefined {
  try {
    const members = JSON.parse(text) as Members | null;
    return members !== null && typeof members === 'object' ? members : undefined;
  } catch {
    return undefined;
  }
}

function actionOf(members: Members): CommandAction | undefined {
  const { kind, graceMs, force, as, result } = members;
  switch (kind) {
    case 'cancel':
      if (graceMs !== null && !isNumber(graceMs)) return undefined;
      return { kind, graceMs, force: force === true };
    case 'pause':
    case 'freeze':
    case 'resume':
    case 'discard':
      return { kind };
    case 'update': {
      const change = changeOf(members['change']);
      return change && { kind, change };
    }
    case 'mark':
      if ((as !== 'SUCCEEDED' && as !== 'SKIPPED') || (result !== null && !isText(result))) {
        return undefined;
      }
      return { kind, as, result };
    default:
      return undefined;
  }
}

function changeOf(value: unknown): RunChange | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  const { priority, at, afterMs, params, labels } = value as Members;
  const isSound =
    [priority, at, afterMs].every((v) => v === undefined || isNumber(v)) &&
    [params, labels].every((v) => v === undefined || isText(v));
  return isSound ? (value as RunChange) : undefined;
}
