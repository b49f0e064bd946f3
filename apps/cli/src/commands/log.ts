import { stringifyJson } from '#protocol';
import { type Context, ask, tell, valueOf } from '../context.js';
import { inert } from '../output/render.js';
import { CommandProblem } from '../problem.js';
import { Link } from './link.js';
import { isFinalState, meanwhile } from './wait.js';

/** Whose log: of all attempts when none is named. */
export interface LogOf {
  readonly id: string;
  readonly attempt?: number | undefined;
}

const PAGE = `query($id: ID!, $attempt: Int, $after: Cursor) {
  run(id: $id) { log(first: 200, attempt: $attempt, after: $after) {
    text pageInfo { endCursor hasNextPage }
  } }
}`;

interface Page {
  readonly run: {
    readonly log: {
      readonly text: string;
      readonly pageInfo: { readonly endCursor: string | null; readonly hasNextPage: boolean };
    };
  } | null;
}

/** All that a run has written, page by page as it is read. */
async function* pagesOf(context: Context, { id, attempt }: LogOf): AsyncGenerator<string> {
  let after: string | null = null;
  for (;;) {
    const page: Page = await ask<Page>(context, PAGE, { id, attempt, after });
    if (page.run === null) throw new CommandProblem(`There is no run ${id}.`);
    const { text, pageInfo } = page.run.log;
    yield text;
    if (!pageInfo.hasNextPage) return;
    after = pageInfo.endCursor;
  }
}

export async function logOf(context: Context, of: LogOf): Promise<string> {
  const pages: string[] = [];
  for await (const page of pagesOf(context, of)) pages.push(page);
  return pages.join('');
}

/** To a person: what came from elsewhere must not steer the terminal. To a pipe: as it is. */
export async function printLog(context: Context, of: LogOf): Promise<void> {
  for await (const page of pagesOf(context, of)) print(context, page);
}

const FOLLOW = `subscription($id: ID!, $attempt: Int, $after: Cursor) {
  runLog(run: $id, attempt: $attempt, after: $after) {
    cursor attempt stream offset at text gapBytes
  }
}`;
const LOOK = `query($id: ID!, $attempt: Int, $after: Cursor) {
  run(id: $id) { state log(first: 1, attempt: $attempt, after: $after) { nodes { cursor } } }
}`;

interface Chunk {
  readonly cursor: string;
  readonly text: string;
  readonly gapBytes: number | null;
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
      const { runLog } = valueOf(step);
      link.heard();
      show(context, runLog);
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
  if (run === null) throw new CommandProblem(`There is no run ${of.id}.`);
  return isFinalState(run.state) && run.log.nodes.length === 0;
}

function show(context: Context, chunk: Chunk): void {
  const { terminal, format } = context;
  if (format !== 'table') {
    terminal.out(`${stringifyJson(chunk)}\n`);
    return;
  }
  if (chunk.gapBytes !== null) terminal.err(`… ${chunk.gapBytes} bytes are missing here …\n`);
  print(context, chunk.text);
}

function print({ terminal }: Context, text: string): void {
  terminal.out(terminal.isTerminal ? inert(text) : text);
}
