/** What the server speaks of, where the command knows it. */
export interface Of {
  readonly id?: string;
  readonly job?: string;
  /** Who was asked. */
  readonly url?: string;
  /** The command takes `--idempotency-key`. */
  readonly isKeyed?: boolean;
}

/** The API's name of a deed, and the command that does it. */
export const COMMANDS: Readonly<Record<string, string>> = {
  submitRun: 'orrery submit',
  submitRuns: 'orrery submit',
  cancelRun: 'orrery runs cancel ID',
  pauseRun: 'orrery runs pause ID',
  resumeRun: 'orrery runs resume ID',
  updateRun: 'orrery runs update ID',
  markRun: 'orrery runs mark ID',
  retryRun: 'orrery runs retry ID',
  cloneRun: 'orrery runs clone ID',
  bulkRuns: 'orrery runs bulk',
  cancelBulk: 'orrery bulk cancel ID',
  applyJob: 'orrery jobs apply NAME',
  rollbackJob: 'orrery jobs rollback NAME',
  deleteJob: 'orrery jobs delete NAME',
  pauseJob: 'orrery jobs pause NAME',
  resumeJob: 'orrery jobs resume NAME',
  runChanged: 'orrery runs watch ID',
  runLog: 'orrery runs logs ID --follow',
};

/** Names of inputs that stand in a sentence by themselves. */
const FIELDS: Readonly<Record<string, string>> = {
  dedupKey: '--dedup-key',
  idempotencyKey: '--idempotency-key',
  perSecond: '--per-second',
  submittedAfter: '--since',
  submittedBefore: '--before',
};
/** Names of inputs that are words as well: only between backquotes they are meant. */
const QUOTED = ['after', 'at', 'job', 'params', 'priority', 'spec', 'timeout'] as const;

const PHRASES: readonly (readonly [RegExp, string])[] = [
  [
    /Send a valid API key( as `[^`]*`)?\./g,
    'Give a valid one by orrery login, or by ORRERY_API_KEY.',
  ],
  [/,? (and follow without a cursor, )?or (go on )?from `oldest`/g, ''],
  [/subscribe again after `resume`/g, 'ask again'],
  [/`how: FREEZE`/g, 'orrery runs pause ID --freeze'],
  [/`how: HOLD`/g, 'orrery runs pause ID'],
  [/`bulk\(id\)`/g, 'orrery bulk get ID'],
  [/`bulks`/g, 'orrery bulk ls'],
  [/`(discarded|retried): true`( in the filter)?/g, '--$1'],
  [new RegExp(`\`(${QUOTED.join('|')}): "([^"\`]*)"\``, 'g'), '--$1 $2'],
  [new RegExp(`\`(${QUOTED.join('|')})\``, 'g'), '--$1'],
  ...Object.entries({ ...COMMANDS, ...FIELDS }).map(
    ([name, words]) => [new RegExp(`\`?\\b${name}\\b\`?`, 'g'), words] as const,
  ),
];

/** A sentence of the server in the words of this command line. */
export function inWords(text: string, { id, job }: Of = {}): string {
  return PHRASES.reduce((said, [phrase, words]) => {
    const own = words.replace(' ID', ` ${id ?? 'ID'}`).replace(' NAME', ` ${job ?? 'NAME'}`);
    return said.replaceAll(phrase, own);
  }, text);
}

/** What GraphQL says of a variable that it cannot take. */
const COERCION = /^Variable "\$\w+" got invalid value (.*?)(?: at "([^"]*)")?; (.*)$/s;
const NO_SUCH =
  /^Value .* does not exist in "\w+" enum\.(?: Did you mean (?:the enum value )?(.*)\?)?$/;

/** The same as a sentence that names the option. */
export function coerced(message: string): string {
  const [, value, at = '', why] = COERCION.exec(message) ?? [];
  if (value === undefined || why === undefined) return message;
  const [, ...path] = at.replaceAll(/\[\d+\]/g, '').split('.');
  const [isUnknown, meant = ''] = NO_SUCH.exec(why) ?? [];
  const hint = meant === '' ? '' : ` Did you mean ${meant.replaceAll('"', '')}?`;
  const reason = why.replace(/^Expected type "\w+"\. /, '');
  const said = isUnknown === undefined ? `is refused: ${reason}` : `is no such value.${hint}`;
  return [placeIn(path), value, said].filter(Boolean).join(' ');
}

/** What waits, as the server tells it. */
export interface Waiter {
  readonly id: string;
  readonly job: { readonly name: string } | null;
  readonly waitingFor: readonly { readonly text: string; readonly hint: string | null }[];
}

/** Why it waits, in the words of this command line. */
export function waitsInWords<R extends Waiter>({ id, job, waitingFor }: R): R['waitingFor'] {
  const of = { id, ...(job === null ? {} : { job: job.name }) };
  return waitingFor.map((each) => {
    const hint = each.hint === null ? null : inWords(each.hint, of);
    return { ...each, text: inWords(each.text, of), hint };
  });
}

/** Where in an input something is wrong, and the option that said it. */
const OPTIONS: Readonly<Record<string, string>> = {
  ...FIELDS,
  ...Object.fromEntries(QUOTED.map((name) => [name, `--${name}`])),
  as: '--as',
  discarded: '--discarded',
  expectedVersion: '',
  grace: '--grace',
  // What they speak of is told by the command itself.
  how: '',
  id: '',
  ids: '--id',
  jobs: '--job',
  labels: '--labels',
  name: '',
  paused: '--paused',
  pool: '--pool',
  project: '--project',
  reason: '--reason',
  result: '--result',
  retried: '--retried',
  startDeadline: '--start-deadline',
  states: '--state',
  toVersion: '--to',
};

/** `params.city` is `--params city`; what stands in a specification keeps its path. */
export function placeIn(path: readonly string[]): string {
  const [head = '', ...rest] = path.filter((name) => name !== 'input' && name !== 'filter');
  if (head === 'spec' && rest.length > 0) return rest.join('.');
  // Which of many it is about, the sentence says.
  if (head === 'ids') return '--id';
  // By its place in a list nobody knows it.
  const own = head === 'jobs' || head === 'states' ? rest.filter((at) => !/^\d+$/.test(at)) : rest;
  const option = Object.hasOwn(OPTIONS, head) ? OPTIONS[head] : head;
  return [option, own.join('.')].filter(Boolean).join(' ');
}
