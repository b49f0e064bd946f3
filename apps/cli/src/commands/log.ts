import { CommandProblem, type Context, ask } from '../context.js';
import { inert } from '../output/render.js';

const PAGE = `query($id: ID!, $after: Cursor) {
  run(id: $id) { log(first: 200, after: $after) {
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
async function* pagesOf(context: Context, id: string): AsyncGenerator<string> {
  let after: string | null = null;
  for (;;) {
    const page: Page = await ask<Page>(context, PAGE, { id, after });
    if (page.run === null) throw new CommandProblem(`There is no run ${id}.`);
    const { text, pageInfo } = page.run.log;
    yield text;
    if (!pageInfo.hasNextPage) return;
    after = pageInfo.endCursor;
  }
}

export async function logOf(context: Context, id: string): Promise<string> {
  const pages: string[] = [];
  for await (const page of pagesOf(context, id)) pages.push(page);
  return pages.join('');
}

/** To a person: what came from elsewhere must not steer the terminal. To a pipe: as it is. */
export async function printLog(context: Context, id: string): Promise<void> {
  const { terminal } = context;
  for await (const page of pagesOf(context, id)) {
    terminal.out(terminal.isTerminal ? inert(page) : page);
  }
}
