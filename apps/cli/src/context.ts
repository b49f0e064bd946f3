import fs from 'node:fs';
import path from 'node:path';
import { type Client, type RequestError, type Result, createClient } from '#client';
import type { Settings } from '#config';
import { stringifyJson } from '#protocol';
import type { OutputFormat, Terminal } from './output/render.js';
import { DEFAULT_PROFILE, readProfiles } from './profiles.js';
import { type Of, coerced, inWords, placeIn } from './words.js';

/** Ends the command with one sentence for a person. */
export class CommandProblem extends Error {
  override readonly name = 'CommandProblem';
  constructor(
    message: string,
    readonly exitCode = 1,
  ) {
    super(message);
  }

  /** With one more thing to say. */
  with(more: string): CommandProblem {
    return new CommandProblem(`${this.message}\n${more}`, this.exitCode);
  }
}

export interface Context {
  readonly settings: Settings;
  readonly terminal: Terminal;
  readonly format: OutputFormat;
  readonly project: string;
  readonly client: Client;
}

interface Endpoint {
  readonly graphql?: string;
  readonly adminKeyFile?: string;
  readonly project?: string;
}

/** A person sits before it: what lasts longer is theirs to repeat. */
const PATIENCE = { withinMs: 10_000, mustAnswer: true };

/** Beside the answer: a line for a person, an object for a program. */
export function tell({ terminal, format }: Pick<Context, 'terminal' | 'format'>, text: string) {
  terminal.err(format === 'table' ? `${text}\n` : `${stringifyJson({ notice: text })}\n`);
}

export interface Target {
  readonly url: string;
  readonly key: string | undefined;
  readonly project: string;
  /** Who said so. */
  readonly from: string;
}

/** Where to ask and who asks: the environment, a profile by name, the home, the usual profile. */
export function targetOf(settings: Settings, profile?: string): Target {
  const { apiUrl, apiKey } = settings;
  const known = readProfiles();
  const named = profile === undefined ? undefined : known[profile];
  if (profile !== undefined && named === undefined) {
    const have = Object.keys(known).join(', ') || 'none';
    throw new CommandProblem(`There is no profile ${profile} (there are: ${have}): orrery login.`);
  }
  const endpoint = readEndpoint(settings);
  if (apiUrl !== undefined) {
    // The key of what runs here is nobody else's to be told.
    const isHere = endpoint?.graphql === apiUrl;
    const key = apiKey ?? (isHere ? readKey(endpoint?.adminKeyFile) : undefined);
    return { url: apiUrl, key, project: endpoint?.project ?? 'demo', from: 'ORRERY_API_URL' };
  }
  if (named === undefined && endpoint?.graphql !== undefined) {
    const { graphql: url, adminKeyFile, project = 'demo' } = endpoint;
    return { url, key: apiKey ?? readKey(adminKeyFile), project, from: `home ${settings.home}` };
  }
  const name = profile ?? DEFAULT_PROFILE;
  const used = named ?? known[DEFAULT_PROFILE];
  if (used === undefined) {
    throw new CommandProblem(
      `Nothing runs with the home ${path.resolve(settings.home)}: start it with 'npm start', ` +
        "or name a server by 'orrery login', or by ORRERY_API_URL and ORRERY_API_KEY.",
    );
  }
  const project = used.project ?? 'demo';
  return { url: used.url, key: apiKey ?? used.key, project, from: `profile ${name}` };
}

export function connect(
  settings: Settings,
  profile: string | undefined,
  say: (text: string) => void,
): { client: Client; project: string } {
  const { url, key, project } = targetOf(settings, profile);
  let isTold = false;
  const repeating = ({ message }: RequestError): void => {
    if (!isTold) say(`${message} (It is tried again for ten seconds.)`);
    isTold = true;
  };
  const patience = { ...PATIENCE, repeating };
  const options = { url, patience, ...(key === undefined ? {} : { key }) };
  return { client: createClient(options), project };
}

function readEndpoint(settings: Settings): Endpoint | undefined {
  try {
    const file = path.join(settings.home, 'endpoint.json');
    return JSON.parse(fs.readFileSync(file, 'utf8')) as Endpoint;
  } catch {
    return undefined;
  }
}

function readKey(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return fs.readFileSync(file, 'utf8').trim();
  } catch {
    throw new CommandProblem(`The admin key file ${file} cannot be read; set ORRERY_API_KEY.`);
  }
}

export interface UserError {
  readonly code: string;
  readonly path: readonly string[];
  readonly message: string;
  readonly hint?: string | null;
}

/** A request that must succeed: what the server refuses ends the command. */
export async function ask<T>(
  context: Context,
  document: string,
  variables: Readonly<Record<string, unknown>> = {},
): Promise<T> {
  return valueOf(await context.client.request<T>(document, variables));
}

/** The same for what takes an idempotency key: it is sent again while its failure may pass. */
export async function change<T>(
  context: Context,
  document: string,
  input: Readonly<Record<string, unknown>>,
): Promise<T> {
  return valueOf(await context.client.mutate<T>(document, input));
}

export function valueOf<T>(result: Result<T>, of: Of = {}): T {
  if (result.ok) return result.value;
  throw new CommandProblem(result.errors.map((error) => sentenceOf(error, of)).join('\n'));
}

const AWAY = "Start it with 'npm start', or see what 'orrery doctor' finds.";

const sentenceOf = (error: RequestError, of: Of): string => {
  const { code, retryAfter } = error;
  const message = inWords(coerced(error.message), of);
  const hint = error.hint ?? (code === 'UNREACHABLE' ? AWAY : '');
  const again = retryAfter === undefined ? '' : `Try again in ${retryAfter}.`;
  return [`${message} (${code})`, hint, again].filter(Boolean).join(' ');
};

/** What the server refuses ends the command, in its words. */
export function refuse(errors: readonly UserError[], of: Of = {}): void {
  if (errors.length === 0) return;
  const lines = errors.map(({ code, path: at, message, hint }) => {
    const place = placeIn(at);
    const where = place === '' ? '' : `${place}: `;
    const more = hint === null || hint === undefined ? '' : ` ${inWords(hint, of)}`;
    return `${where}${inWords(message, of)} (${code})${more}`;
  });
  throw new CommandProblem(lines.join('\n'));
}
