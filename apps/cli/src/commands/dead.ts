import { ask } from '../context.js';
import { type Column, renderList } from '../output/render.js';
import { misuse } from '../problem.js';
import { type Command, type Options, type Values } from './command.js';
import { FILTER, filterOf } from './filter.js';
import { DEED, actOnMany, idsOf } from './many.js';
import { given, wholeOf } from './values.js';

/** A dead letter is in one state, and waits for nobody. */
const { state: _state, paused: _paused, ...DEAD_FILTER } = FILTER;

interface Dead {
  readonly id: string;
  readonly job: { readonly name: string } | null;
  readonly kind: string;
  readonly outcome: string | null;
  readonly finishedAt: string | null;
  readonly reason: string | null;
  readonly retriedAs: { readonly id: string } | null;
}
const DEAD = `query($project: String!, $filter: RunFilter, $first: Int) {
  runs(project: $project, filter: $filter, first: $first) {
    nodes { id job { name } kind outcome finishedAt reason retriedAs { id } }
  }
}`;
const COLUMNS: readonly Column<Dead>[] = [
  ['ID', (run) => run.id],
  ['JOB', (run) => run.job?.name ?? `(${run.kind.toLowerCase()})`],
  ['OUTCOME', (run) => run.outcome ?? ''],
  ['FINISHED', (run) => run.finishedAt ?? ''],
  ['REASON', (run) => run.reason ?? ''],
];
const RETRIED: Column<Dead> = ['RETRIED AS', (run) => run.retriedAs?.id ?? ''];

/** What is no dead letter any more. */
const SEEN_TO = {
  retried: { type: 'boolean', help: 'those of which a retry was made already' },
  discarded: { type: 'boolean', help: 'those that were discarded' },
} as const satisfies Options;

/** Undefined: the list of those that somebody has to look at. */
function seenTo(values: Values): Readonly<Record<string, unknown>> | undefined {
  const [retried, discarded] = [values['retried'] === true, values['discarded'] === true];
  if (!retried && !discarded) return undefined;
  return given({ retried: retried || undefined, discarded: discarded || undefined });
}

const ls: Command = {
  name: 'dead ls',
  summary: 'list dead letters: runs that have failed for good, and nobody has seen to',
  usage: 'orrery dead ls [--job NAME] [--labels NAME=TEXT] [--since TIME] [options]',
  example: 'orrery dead ls --job report',
  options: {
    ...DEAD_FILTER,
    limit: { type: 'string', default: '20', value: 'N', help: '1 to 200 of them; else 20' },
    ...SEEN_TO,
  },
  positionals: { required: 0, names: '' },
  async run(context, values) {
    const letters = filterOf(values, ['DEAD']);
    const filter = { ...letters, ...(seenTo(values) ?? { discarded: false }) };
    const first = wholeOf(values, 'limit', [1, 200]) ?? 20;
    const asked = { project: context.project, filter, first };
    const { runs } = await ask<{ runs: { nodes: Dead[] } }>(context, DEAD, asked);
    const columns = values['retried'] === true ? [...COLUMNS, RETRIED] : COLUMNS;
    context.terminal.out(renderList(runs.nodes, columns, context.format));
    return 0;
  },
};

const NONE_LEFT = 'nothing is left: no dead letter matches that was not retried or discarded';

function deedOf(verb: 'retry' | 'discard', summary: string, example: string): Command {
  return {
    name: `dead ${verb}`,
    summary,
    usage: `orrery dead ${verb} (--id ID | --job NAME | --labels NAME=TEXT | --all) [options]`,
    example,
    options: {
      ...(verb === 'retry' ? SEEN_TO : {}),
      id: { type: 'string', multiple: true, value: 'ID', help: 'only this one; may be repeated' },
      ...DEAD_FILTER,
      all: { type: 'boolean', help: 'every dead letter of the project' },
      'ignore-missing': { type: 'boolean', help: 'exit with 0 also if an id is no dead letter' },
      ...DEED,
    },
    positionals: { required: 0, names: '' },
    async run(context, values) {
      const ids = idsOf(values);
      const letters = filterOf(values, ['DEAD']);
      const seen = seenTo(values);
      const filter = { ...letters, ...seen, ...(ids.length === 0 ? {} : { ids }) };
      // That it was retried or discarded says too little of which: by a slip it would be all.
      if (Object.keys(letters).length + ids.length === 1 && values['all'] !== true) {
        throw misuse('Say which: --id, --job, --labels, --since, --before, or --all of them.');
      }
      const none = seen === undefined ? NONE_LEFT : 'nothing matched';
      return await actOnMany(context, { action: verb.toUpperCase(), filter, none }, values);
    },
  };
}

const retry = deedOf(
  'retry',
  'run dead letters again',
  'orrery dead retry --job report --per-second 100',
);
const discard = deedOf(
  'discard',
  'take dead letters from the list; they stay as they are',
  "orrery dead discard --job report --reason 'a known fault'",
);

export const dead: readonly Command[] = [ls, retry, discard];
