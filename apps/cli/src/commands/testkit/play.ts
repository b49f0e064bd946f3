import { expect } from 'vitest';
import type { Context } from '../../context.js';
import type { Command, Values } from '../command.js';

export interface Played {
  readonly out: string;
  readonly err: string;
  readonly document: string;
  readonly variables: unknown;
}

/** Runs a command against one answer; gives what was asked and what was printed. */
export async function play(
  commands: readonly Command[],
  name: string,
  values: Values,
  data: unknown,
  { words = [], format = 'json' }: { words?: readonly string[]; format?: Context['format'] } = {},
): Promise<Played> {
  const command = commands.find((each) => each.name === name);
  if (command === undefined) throw new Error(`no command ${name}`);
  let out = '';
  let err = '';
  let asked = { document: '', variables: undefined as unknown };
  const context = {
    format,
    project: 'demo',
    terminal: {
      out: (text: string) => (out += text),
      err: (text: string) => (err += text),
      isTerminal: false,
    },
    client: {
      request: async (document: string, variables: unknown) => {
        asked = { document, variables };
        return await Promise.resolve({ ok: true, value: data });
      },
      mutate: async (document: string, input: unknown) => {
        asked = { document, variables: { input } };
        return await Promise.resolve({ ok: true, value: data });
      },
    },
  } as unknown as Context;
  expect(await command.run(context, values, words)).toBe(0);
  return { out, err, ...asked };
}
