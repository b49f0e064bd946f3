import { stringifyJson } from '#protocol';
import fs from 'node:fs';
import type { RequestError } from '#client';
import { type Command } from './command.js';
import { CommandProblem } from '../problem.js';
import { jsonOf, textOf } from './values.js';

const rawly = ({ code, message, hint = '' }: RequestError): string =>
  [`${message} (${code})`, hint].filter(Boolean).join(' ');

export const query: Command = {
  name: 'query',
  summary: 'ask anything in GraphQL; - reads the document from standard input',
  usage: 'orrery query DOCUMENT [--variables JSON]',
  example: "orrery query '{ viewer { name } }'",
  options: { variables: { type: 'string', value: 'JSON', help: 'the variables of it' } },
  positionals: { required: 1, names: 'DOCUMENT' },
  async run(context, values, [given = '']) {
    const document = given === '-' ? fs.readFileSync(0, 'utf8') : given;
    const text = textOf(values, 'variables');
    const variables = (text === undefined ? {} : jsonOf(text, '--variables')) as object;
    const answer = await context.client.request<object>(document, { ...variables });
    // Who asks in GraphQL is answered in GraphQL.
    if (!answer.ok) {
      throw new CommandProblem(answer.errors.map(rawly).join('\n'), 1, answer.errors);
    }
    context.terminal.out(`${stringifyJson(answer.value, context.format === 'ndjson' ? 0 : 2)}\n`);
    return 0;
  },
};
