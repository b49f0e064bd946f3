import fs from 'node:fs';
import path from 'node:path';
import { type Client, type RequestError, type Result, createClient } from '#client';
import type { Settings } from '#config';
import { stringifyJson } from '#protocol';
import type { OutputFormat, Terminal } from './output/render.js';
import { DEFAULT_PROFILE, readProfiles } from './profiles.js';
import { CommandProblem, problemOf, toldOf } from './problem.js';
import type { Of } from './words.js';

export interface Context {
  readonly settings: Settings;
  readonly terminal: Terminal;
  readonly format: OutputFormat;
  readonly project: string;
  readonly client: Client;
}

interface Endpoint {
  readonly databaseUrl?: string;
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

/** Without a path it is where every gateway answers. */
export function withPath(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  return url?.pathname === '/' ? new URL('/graphql', url).href : address;
}

/** Where to ask and who asks: the environment, a profile by name, the home, the usual profile. */
export function targetOf(settings: Settings, profile?: string): Target {
  const { apiKey } = settings;
  const apiUrl = settings.apiUrl === undefined ? undefined : withPath(settings.apiUrl);
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

/** The database itself: the one that is named, or that of what runs here. */
export function databaseOf(settings: Settings): string {
  const url = settings.databaseUrl ?? readEndpoint(settings)?.databaseUrl;
  if (url !== undefined) return url;
  throw new CommandProblem(
    `Nothing runs with the home ${path.resolve(settings.home)}: start it with 'npm start', ` +
      'or set DATABASE_URL to the database that is meant.',
  );
}

function readKey(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return fs.readFileSync(file, 'utf8').trim();
  } catch {
    throw new CommandProblem(`The admin key file ${file} cannot be read; set ORRERY_API_KEY.`);
  }
}

/** A request that must succeed: what the server refuses ends the command. */
export async function ask<T>(
  context: Context,
  document: string,
  variables: Readonly<Record<string, unknown>> = {},
): Promise<T> {
  const { client } = context;
  return valueOf(await client.request<T>(document, variables), { url: client.url });
}

/** The same for what takes an idempotency key: it is sent again while its failure may pass. */
export async function change<T>(
  context: Context,
  document: string,
  input: Readonly<Record<string, unknown>>,
  of: Of = {},
): Promise<T> {
  const { client } = context;
  return valueOf(await client.mutate<T>(document, input), { url: client.url, ...of });
}

export function valueOf<T>(result: Result<T>, of: Of = {}): T {
  if (result.ok) return result.value;
  throw problemOf(result.errors.map((error) => toldOf(error, of)));
}
