import { stringifyJson } from '#protocol';
import { type Context, ask, tell, valueOf } from '../context.js';
import { inert } from '../output/render.js';
import { CommandProblem, absent } from '../problem.js';
import { Link } from './link.js';
import { isFinalState, meanwhile } from './wait.js';

/** Whose log: of all attempts when none is named. */
export interface LogOf {
  readonly id: string;
  readonly attempt?: number | undefined;
}

const PAGE = `query($id: ID!, $attempt: Int, $after: Cursor) {
  run(id: $id) {
    attempts { number }
    log(first: 200, attempt: $attempt, after: $after) {
      nodes { attempt text gapBytes } pageInfo { endCursor hasNextPage }
    }
  }
}`;

interface Piece {
  readonly attempt: number;
  readonly text: string;
  readonly gapBytes: number | null;
}
interface Page {
  readonly run: {
    readonly attempts: readonly unknown[];
    readonly log: {
      readonly nodes: readonly Piece[];
      readonly pageInfo: { readonly endCursor: string | null; readonly hasNextPage: boolean };
    };
  } | null;
}

/** All that a run has written, page by page as it is read. */
async function* pagesOf(
  context: Context,
  { id, attempt }: LogOf,
): AsyncGenerator<NonNullable<Page['run']>> {
  let after: string | null = null;
  for (;;) {
    const page: Page = await ask<Page>(context, PAGE, { id, attempt, after });
    if (page.run === null) throw absent(`Run ${id}`);
    const last = page.run.attempts.length;
    if (attempt !== undefined && attempt > last) throw noAttempt(id, attempt, last);
    yield page.run;
    const { hasNextPage, endCursor } = page.run.log.pageInfo;
    if (!hasNextPage) return;
    after = endCursor;
  }
}

function noAttempt(id: string, attempt: number, last: number): CommandProblem {
  const has = last === 1 ? 'one attempt' : `${last === 0 ? 'no' : last} attempts`;
  const message = `There is no attempt ${attempt}: the run ${id} has ${has} so far.`;
  return new CommandProblem(message, 1, [{ code: 'NOT_FOUND', message }]);
}

export interface Written {
  readonly text: string;
  readonly attempts: readonly { readonly number: number; readonly text: string }[];
}

export async function logOf(context: Context, of: LogOf): Promise<Written> {
  const texts = new Map<number, string>();
  let text = '';
  for await (const { log } of pagesOf(context, of)) {
    for (const piece of log.nodes) {
      text += piece.text;
      texts.set(piece.attempt, (texts.get(piece.attempt) ?? '') + piece.text);
    }
  }
  return { text, attempts: [...texts].map(([number, own]) => ({ number, text: own })) };
}

/** To a person: what came from elsewhere must not steer the terminal. To a pipe: as it is. */
export async function printLog(context: Context, of: LogOf): Promise<void> {
  let paper: Paper | undefined;
  for await (const { attempts, log } of pagesOf(context, of)) {
    paper ??= new Paper(context, of, attempts.length > 1);
    for (const piece of log.nodes) paper.print(piece);
  }
}

/** Where pieces are printed; a line beside them says which attempt begins, if there are several. */
class Paper {
  private last: number | undefined;
  private isLineOpen = false;

  constructor(
    private readonly context: Context,
    private readonly of: LogOf,
    areSeveral: boolean,
  ) {
    // Who follows does not know how many will come: the first is then the usual one.
    this.last = areSeveral ? undefined : 1;
  }

  print({ attempt, text, gapBytes }: Piece): void {
    const { terminal } = this.context;
    if (attempt !== this.last && this.of.attempt === undefined) {
      const open = this.isLineOpen ? '\n' : '';
      terminal.err(`${open}==> attempt ${attempt} of ${this.of.id} <==\n`);
    }
    this.last = attempt;
    if (gapBytes !== null) terminal.err(`… ${gapBytes} bytes are missing here …\n`);
    terminal.out(terminal.isTerminal ? inert(text) : text);
    this.isLineOpen = text === '' ? this.isLineOpen : !text.endsWith('\n');
  }
}

const FOLLOW = `subscription($id: ID!, $attempt: Int, $after: Cursor) {
  runLog(run: $id, attempt: $attempt, after: $after) {
    cursor attempt stream offset at text gapBytes
  }
}`;
const LOOK = `query($id: ID!, $attempt: Int, $after: Cursor) {
  run(id: $id) { state log(first: 1, attempt: $attempt, after: $after) { nodes { cursor } } }
}`;

interface Chunk extends Piece {
  readonly cursor: string;
}
interface Told {
  readonly runLog: Chunk;
}
interface Look {
  readonly run: {
    readonly state: string;
    readonly log: { readonly nodes: readonly unknown[] };
  } | null;
}

/** What a run writes as it comes, over reconnects, until it is final and all is printed. */
export async function followLog(context: Context, of: LogOf, signal: AbortSignal): Promise<void> {
  const paper = new Paper(context, of, false);
  let after: string | null = null;
  const isOver = async (): Promise<boolean> =>
    signal.aborted || (await isDrained(context, of, after));
  const { url } = context.client;
  const link = new Link(url, (text) => tell(context, text), meanwhile(of.id));
  const { interrupted, connected } = link;
  const how = { isOver, mustAnswer: true, interrupted, connected };
  try {
    for await (const step of context.client.follow<Told>(FOLLOW, { ...of, after }, how)) {
      if (signal.aborted) return;
      const { runLog } = valueOf(step, { url });
      link.heard();
      if (context.format === 'table') paper.print(runLog);
      else context.terminal.out(`${stringifyJson(runLog)}\n`);
      after = runLog.cursor;
    }
  } finally {
    link.close();
  }
}

async function isDrained(context: Context, of: LogOf, after: string | null): Promise<boolean> {
  const answer = await context.client.request<Look>(LOOK, { ...of, after });
  if (!answer.ok) return false;
  const { run } = answer.value;
  if (run === null) throw absent(`Run ${of.id}`);
  return isFinalState(run.state) && run.log.nodes.length === 0;
}
