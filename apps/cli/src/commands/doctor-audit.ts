import type { Audited } from '../audit/audit.js';
import type { Violation } from '../audit/run-trail.js';
import { databaseOf } from '../context.js';
import { type Column, type OutputFormat, renderOne, renderTable } from '../output/render.js';
import { CommandProblem } from '../problem.js';
import type { LocalCommand } from './command.js';
import { pastOf } from './values.js';

const COLUMNS: readonly Column<Violation>[] = [
  ['RUN', ({ run }) => run],
  ['PARTITION', ({ partition }) => partition],
  ['WRONG', ({ wrong }) => wrong],
];

export const doctorAudit: LocalCommand = {
  name: 'doctor audit',
  summary: 'prove from the journal that no token ran twice and that no submission is missing',
  usage: 'orrery doctor audit [--since TIME]',
  example: 'orrery doctor audit --since 2h --output json',
  more:
    'It reads the database itself, that of what runs here or of DATABASE_URL, and writes ' +
    'nothing; memory is bounded however much there is. A token is the right to run one attempt ' +
    'once. The exit code is 1 when something is wrong.',
  options: {
    since: {
      type: 'string',
      default: '1h',
      value: 'TIME',
      help: 'written since 2030-01-31T12:00:00Z, or in the last 2h; else 1h',
    },
  },
  positionals: { required: 0, names: '' },
  async start({ settings, terminal, format }, values) {
    const since = pastOf(values, 'since') ?? '';
    const url = databaseOf(settings());
    // Only here: most commands need no database.
    const [{ Audit }, { AuditReader }] = await Promise.all([
      import('../audit/audit.js'),
      import('#postgres'),
    ]);
    const reader = await AuditReader.open(url).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      throw new CommandProblem(`The database does not answer: ${why}`);
    });
    try {
      const audited = await new Audit(reader, Date.parse(since)).run();
      terminal.out(shown(since, audited, format));
      return audited.figures.violations === 0 ? 0 : 1;
    } finally {
      await reader.stop();
    }
  },
};

export function shown(since: string, audited: Audited, format: OutputFormat): string {
  if (format !== 'table') return renderOne({ since, ...audited }, format);
  const { figures, violations } = audited;
  const count = (n: number, what: string): string => `${n.toLocaleString('en')} ${what}`;
  const lines = [
    `since ${since}: ${count(figures.partitions, 'partitions')}, ` +
      `${count(figures.events, 'events')} in ${count(figures.segments, 'segments')}`,
    `${count(figures.runs, 'runs')}, ${count(figures.tokens, 'tokens')} granted, ` +
      `${count(figures.starts, 'started')}, ${count(figures.finished, 'runs finished')}`,
    `${count(figures.submissions, 'submissions')} and ${count(figures.keys, 'idempotency keys')} ` +
      'looked for',
    figures.violations === 0
      ? 'no token ran twice, and nothing that was acknowledged is missing'
      : `${count(figures.violations, 'things are wrong')}` +
        (violations.length < figures.violations ? `, the first ${violations.length}:` : ':'),
  ];
  const table = violations.length === 0 ? '' : `\n${renderTable(violations, COLUMNS)}`;
  return `${lines.join('\n')}\n${table}`;
}
