import { ask, tell } from '../context.js';
import { renderList, renderOne } from '../output/render.js';
import { type UserError, misuse, refuse } from '../problem.js';
import { exitOf, followBulk, look } from './bulk-progress.js';
import { type Bulk, COLUMNS, FIELDS, shownAs } from './bulk-view.js';
import { type Command } from './command.js';
import { FILTER, filterOf } from './filter.js';
import { DEED, actOnMany } from './many.js';
import { PRIORITIES, REASON, durationOf, given, textOf, wholeOf, wordOf } from './values.js';
import { WITHIN } from './wait.js';

const ACTIONS = ['CANCEL', 'RETRY', 'DISCARD', 'REPRIORITIZE', 'PAUSE', 'RESUME'] as const;

const bulk: Command = {
  name: 'runs bulk',
  summary: 'do the same to every run that a filter matches',
  usage: `orrery runs bulk ${ACTIONS.join('|')} [options]`,
  example: 'orrery runs bulk CANCEL --job report --dry-run',
  options: {
    ...FILTER,
    ...DEED,
    priority: {
      type: 'string',
      value: '1-10',
      oneOf: PRIORITIES,
      help: 'for REPRIORITIZE: 1 is first',
    },
  },
  positionals: { required: 1, names: 'ACTION', oneOf: ACTIONS },
  async run(context, values, [word = '']) {
    const action = wordOf(word, 'ACTION', ACTIONS);
    const filter = filterOf(values);
    // Everything there is, by a slip of the fingers, is nobody's wish.
    if (Object.keys(filter).length === 0) {
      throw misuse('Say which runs: --state, --job, --labels, --paused, --since or --before.');
    }
    if (action === 'REPRIORITIZE' && values['priority'] === undefined) {
      throw misuse('REPRIORITIZE takes --priority 1-10, which is missing.');
    }
    return await actOnMany(context, { action, filter, none: 'nothing matched' }, values);
  },
};

const LIST = `query($project: String!, $first: Int) {
  bulks(project: $project, first: $first) { nodes { ${FIELDS} } }
}`;

const ls: Command = {
  name: 'bulk ls',
  summary: 'list the newest actions on many runs',
  usage: 'orrery bulk ls [--limit N]',
  example: 'orrery bulk ls --limit 5',
  options: {
    limit: { type: 'string', default: '20', value: 'N', help: '1 to 200 of them; else 20' },
  },
  more: 'Each is kept for 24 hours after its end.',
  positionals: { required: 0, names: '' },
  async run(context, values) {
    const first = wholeOf(values, 'limit', [1, 200]) ?? 20;
    const asked = { project: context.project, first };
    const { bulks: found } = await ask<{ bulks: { nodes: Bulk[] } }>(context, LIST, asked);
    context.terminal.out(renderList(found.nodes, COLUMNS, context.format));
    return 0;
  },
};

const get: Command = {
  name: 'bulk get',
  summary: 'show how far an action on many runs is',
  usage: 'orrery bulk get ID [--wait] [--timeout DURATION]',
  example: 'orrery bulk get 0193a1b2-… --wait',
  options: {
    wait: { type: 'boolean', help: 'until it is over; 1 if it fails or is stopped' },
    ...WITHIN,
  },
  positionals: { required: 1, names: 'ID' },
  async run(context, values, [id = '']) {
    const withinMs = durationOf(values, 'timeout');
    const { terminal, format } = context;
    const show = (one: Bulk): void => terminal.out(renderOne(shownAs(one, format), format));
    if (values['wait'] !== true) {
      show(await look(context, id));
      return 0;
    }
    const outcome = await followBulk(context, { id, mustAnswer: true, withinMs });
    if (outcome.stopped === undefined) show(outcome.value);
    return exitOf(context, outcome, id);
  },
};

const CANCEL = `mutation($input: CancelBulkInput!) {
  cancelBulk(input: $input) {
    changed bulk { ${FIELDS} } userErrors { code path message hint }
  }
}`;
interface Cancelled {
  readonly cancelBulk: {
    readonly changed: boolean;
    readonly bulk: Bulk | null;
    readonly userErrors: readonly UserError[];
  };
}

const cancel: Command = {
  name: 'bulk cancel',
  summary: 'stop an action on many runs where it is; what was applied stays',
  usage: 'orrery bulk cancel ID [--reason TEXT]',
  example: "orrery bulk cancel 0193a1b2-… --reason 'the wrong label'",
  options: REASON,
  positionals: { required: 1, names: 'ID' },
  async run(context, values, [id = '']) {
    const input = { id, ...given({ reason: textOf(values, 'reason') }) };
    const { cancelBulk } = await ask<Cancelled>(context, CANCEL, { input });
    refuse(cancelBulk.userErrors);
    const { bulk: stopped, changed } = cancelBulk;
    if (!changed && stopped !== null) {
      const { stoppedBy, stopReason } = stopped;
      tell(context, `nothing changed: it was stopped by ${stoppedBy} before: ${stopReason}`);
    }
    const { state, action, matched, applied } = stopped ?? {};
    const shown = given({ id, state, action, matched, applied, changed });
    context.terminal.out(renderOne(shown, context.format));
    return 0;
  },
};

export const bulks: readonly Command[] = [bulk, ls, get, cancel];
