import { nearest } from './nearest.js';
import { settingsTable } from './settings.js';
import type { Setting, Settings } from './settings.js';

export type LoadedSettings =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problems: readonly string[] };

export type Variables = Readonly<Record<string, string | undefined>>;

type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

/** Every problem at once: who starts a server should not meet them one restart at a time. */
export function loadSettings(env: Variables = process.env): LoadedSettings {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries<Setting<unknown>>(settingsTable)) {
    const outcome = read(setting, env[setting.variable]);
    if (outcome.ok) values[key] = outcome.value;
    else problems.push(outcome.problem);
  }
  problems.push(...unknownVariables(env));
  if (problems.length > 0) return { ok: false, problems };
  // The table's type has one row for each key of Settings, so by now every key has its value.
  const settings = values as unknown as Settings;
  const contradictions = contradictionsIn(settings);
  if (contradictions.length > 0) return { ok: false, problems: contradictions };
  return { ok: true, settings: Object.freeze(settings) };
}

/** An empty variable counts as unset: that is how compose files and CI spell "not given". */
function read<T>(setting: Setting<T>, given: string | undefined): Read<T> {
  const trimmed = given?.trim() ?? '';
  if (trimmed === '' && setting.fallback.kind === 'value') {
    return { ok: true, value: setting.fallback.value() };
  }
  const text = trimmed === '' && setting.fallback.kind === 'text' ? setting.fallback.text : trimmed;
  const parsed = setting.parse(text);
  if (parsed.ok) return { ok: true, value: parsed.value };
  const shown = setting.secret === true ? 'the value given (not shown)' : JSON.stringify(text);
  return { ok: false, problem: `${setting.variable}: ${shown} is not ${parsed.expected}` };
}

function unknownVariables(env: Variables): readonly string[] {
  const known = Object.values<Setting<unknown>>(settingsTable).map((each) => each.variable);
  const problems: string[] = [];
  for (const variable of Object.keys(env).toSorted()) {
    if (!variable.startsWith('ORRERY_') || known.includes(variable)) continue;
    const meant = nearest(variable, known);
    const hint = meant === undefined ? 'see docs/settings.md' : `did you mean ${meant}?`;
    problems.push(`${variable} is not a setting; ${hint}`);
  }
  return problems;
}

/** Values that are fine alone and wrong together. */
function contradictionsIn(settings: Settings): readonly string[] {
  if (settings.beatMs < settings.silentAfterMs) return [];
  return [
    `ORRERY_BEAT (${settings.beatMs} ms) must be shorter than ORRERY_SILENT_AFTER ` +
      `(${settings.silentAfterMs} ms), else every executor goes offline between two beats`,
  ];
}

/** What child processes inherit (PATH and so on): handed out here, as nobody else may read it. */
export const inheritedEnvironment = (): Variables => process.env;
