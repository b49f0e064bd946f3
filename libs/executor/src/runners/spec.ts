import type { Verdict, Work } from '#core';
import { parseJson } from '#protocol';
import { type HttpSpec, readHttp } from './http/spec.js';
import { endError } from './runner.js';

/** The specifications this executor runs, as they travel in `work.spec`. */
export interface ShellSpec {
  readonly kind: 'shell';
  readonly command: string;
  /** A program that takes `-c command`. */
  readonly shell: string;
  readonly workingDirectory: string | null;
  readonly environment: Readonly<Record<string, string>>;
}
export interface FunctionSpec {
  readonly kind: 'function';
  readonly name: string;
}
export type Spec = ShellSpec | FunctionSpec | HttpSpec;

export type ReadSpec =
  | { readonly kind: 'known'; readonly spec: Spec }
  /** A kind of another executor's. */
  | { readonly kind: 'foreign'; readonly name: string }
  | { readonly kind: 'invalid'; readonly why: string };

const DEFAULT_SHELL = '/bin/sh';
/** A name that a process can have in its environment. */
const VARIABLE = /^[^=\0]+$/;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function readSpec(work: Work): ReadSpec {
  let value: unknown;
  try {
    value = parseJson(work.spec);
  } catch {
    return { kind: 'invalid', why: 'the specification is no JSON' };
  }
  if (!isRecord(value)) return { kind: 'invalid', why: 'the specification is no object' };
  const kind = typeof value['kind'] === 'string' ? value['kind'] : work.kind;
  switch (kind.toLowerCase()) {
    case 'shell':
      return readShell(value);
    case 'function':
      return readFunction(value);
    case 'http':
      return readHttp(value);
    default:
      return { kind: 'foreign', name: kind };
  }
}

function readShell(value: Record<string, unknown>): ReadSpec {
  const { command, shell, workingDirectory, environment } = value;
  const invalid = (why: string): ReadSpec => ({ kind: 'invalid', why });
  if (typeof command !== 'string' || command === '' || command.includes('\0')) {
    return invalid('command must be a text that is not empty');
  }
  if (shell !== undefined && shell !== null && typeof shell !== 'string') {
    return invalid('shell must be the path of a program');
  }
  const directory = workingDirectory ?? null;
  if (directory !== null && typeof directory !== 'string') {
    return invalid('workingDirectory must be a path');
  }
  const variables = environment ?? {};
  if (!isRecord(variables)) return invalid('environment must be an object of texts');
  for (const [name, text] of Object.entries(variables)) {
    if (!VARIABLE.test(name) || typeof text !== 'string' || text.includes('\0')) {
      return invalid(`environment.${name} must be a text`);
    }
  }
  const spec: ShellSpec = {
    kind: 'shell',
    command,
    shell: shell ?? DEFAULT_SHELL,
    workingDirectory: directory,
    environment: variables as Record<string, string>,
  };
  return { kind: 'known', spec };
}

function readFunction(value: Record<string, unknown>): ReadSpec {
  const { name } = value;
  if (typeof name !== 'string' || name === '') {
    return { kind: 'invalid', why: 'name must be the name of a handler' };
  }
  return { kind: 'known', spec: { kind: 'function', name } };
}

/** Invalid can run nowhere; an unknown kind or handler may well run elsewhere. */
export function judgeWork(work: Work, handlers: ReadonlySet<string>): Verdict {
  const read = readSpec(work);
  switch (read.kind) {
    case 'invalid':
      return { kind: 'reject', error: endError('SPEC_INVALID', read.why) };
    case 'foreign':
      return { kind: 'bounce', reason: `no runner for the kind ${read.name}` };
    case 'known':
      if (read.spec.kind !== 'function' || handlers.has(read.spec.name)) return { kind: 'take' };
      return { kind: 'bounce', reason: `no handler with the name ${read.spec.name}` };
    default: {
      const never: never = read;
      return never;
    }
  }
}
