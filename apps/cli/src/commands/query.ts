import fs from 'node:fs';
import { CommandProblem, ask } from '../context.js';
import { type Command, textOf } from './command.js';

export const query: Command = {
  name: 'query',
  summary: 'ask anything in GraphQL; - reads the document from standard input',
  usage: 'orrery query DOCUMENT [--variables JSON]',
  example: "orrery query '{ viewer { name } }'",
  options: { variables: { type: 'string' } },
  positionals: { required: 1, names: 'DOCUMENT' },
  async run(context, values, [given = '']) {
    const document = given === '-' ? fs.readFileSync(0, 'utf8') : given;
    const text = textOf(values, 'variables');
    let variables: Record<string, unknown> = {};
    try {
      if (text !== undefined) variables = JSON.parse(text) as Record<string, unknown>;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new CommandProblem(`--variables is not JSON: ${why}`);
    }
    const answer = await ask<object>(context, document, variables);
    context.terminal.out(`${JSON.stringify(answer, null, context.format === 'ndjson' ? 0 : 2)}\n`);
    return 0;
  },
};
