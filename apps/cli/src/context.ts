import fs from 'node:fs';
import path from 'node:path';
import { type Client, type RequestError, type Result, createClient } from '#client';
import type { Settings } from '#config';
import type { OutputFormat, Terminal } from './output/render.js';

/** Ends the command with one sentence for a person. */
export class CommandProblem extends Error {
  override readonly name = 'CommandProblem';
  constructor(
    message: string,
    readonly exitCode = 1,
  ) {
    super(message);
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
const PATIENCE = { withinMs: 10_000 };

/** Where to ask and who asks: told by the environment, else what `npm start` left in the home. */
export function connect(settings: Settings): { client: Client; project: string } {
  const endpoint = readEndpoint(settings);
  const url = settings.apiUrl ?? endpoint?.graphql;
  if (url === undefined) {
    throw new CommandProblem(
      `Nothing runs with the home ${path.resolve(settings.home)}: start it with 'npm start', ` +
        'or set ORRERY_API_URL and ORRERY_API_KEY.',
    );
  }
  const key = settings.apiKey ?? readKey(endpoint?.adminKeyFile);
  return {
    client: createClient({ url, patience: PATIENCE, ...(key === undefined ? {} : { key }) }),
    project: endpoint?.project ?? 'demo',
  };
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

export function valueOf<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new CommandProblem(result.errors.map(sentenceOf).join('\n'));
}

const sentenceOf = ({ code, message, hint = '', retryAfter }: RequestError): string => {
  const again = retryAfter === undefined ? '' : `Try again in ${retryAfter}.`;
  return [`${message} (${code})`, hint, again].filter(Boolean).join(' ');
};

export function refuse(errors: readonly UserError[]): void {
  if (errors.length === 0) return;
  const lines = errors.map(({ code, path: at, message, hint }) => {
    const where = at.length === 0 ? '' : `${at.join('.')}: `;
    return `${where}${message} (${code})${hint === null || hint === undefined ? '' : ` ${hint}`}`;
  });
  throw new CommandProblem(lines.join('\n'));
}
