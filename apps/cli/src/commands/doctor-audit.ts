import type { Audited } from '../audit/audit.js';
import type { Violation } from '../audit/run-trail.js';
import { databaseOf } from '../context.js';
import {
  type Column,
  type OutputFormat,
  counted,
  renderOne,
  renderTable,
} from '../output/render.js';
import { CommandProblem, misuse } from '../problem.js';
import type { LocalCommand } from './command.js';
import { pastOf, textOf } from './values.js';

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
    if (Date.parse(since) > Date.now()) {
      throw misuse(`--since is a time that has been, not '${textOf(values, 'since')}'.`);
    }
    const loaded = settings();
    const url = databaseOf(loaded);
    // Only here: most commands need no database.
    const [{ Audit }, { AuditReader, readInstallation }] = await Promise.all([
      import('../audit/audit.js'),
      import('#postgres'),
    ]);
    const reader = await AuditReader.open(url).catch(problem('The database does not answer'));
    try {
      await readInstallation(url, loaded).catch(problem('Nothing is audited'));
      const audited = await new Audit(reader, Date.parse(since)).run();
      terminal.out(shown(since, audited, format));
      return audited.figures.violations === 0 ? 0 : 1;
    } finally {
      await reader.stop();
    }
  },
};

const problem =
  (what: string) =>
  (error: unknown): never => {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandProblem(`${what}: ${why}`);
  };

/** Nothing that is wrong among nothing at all says nothing. */
function verdictOf({ figures, violations }: Audited): string {
  const { violations: wrong, events, submissions, keys } = figures;
  if (wrong > 0) {
    const some = violations.length < wrong ? `, the first ${violations.length}:` : ':';
    return `${counted(wrong, 'thing')} ${wrong === 1 ? 'is' : 'are'} wrong${some}`;
  }
  return events + submissions + keys === 0
    ? 'nothing was written since then; nothing is proved'
    : 'no token ran twice, and nothing that was acknowledged is missing';
}

export function shown(since: string, audited: Audited, format: OutputFormat): string {
  if (format !== 'table') return renderOne({ since, ...audited }, format);
  const { figures, violations } = audited;
  const { partitions, segments, events, runs, tokens, starts, finished } = figures;
  const { submissions, keys } = figures;
  const lines = [
    `since ${since}: ${counted(partitions, 'partition')}, ` +
      `${counted(events, 'event')} in ${counted(segments, 'segment')}`,
    `${counted(runs, 'run')}, ${counted(tokens, 'token')} granted, ` +
      `${starts.toLocaleString('en')} started, ${counted(finished, 'run')} finished`,
    `${counted(submissions, 'submission')} and ${counted(keys, 'idempotency key')} looked for`,
    verdictOf(audited),
  ];
  const table = violations.length === 0 ? '' : `\n${renderTable(violations, COLUMNS)}`;
  return `${lines.join('\n')}\n${table}`;
}
