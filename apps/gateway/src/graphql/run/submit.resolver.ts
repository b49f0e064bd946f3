import { Args, Context, Mutation, Resolver } from '@nestjs/graphql';
import type { Written } from '../../intake/item.js';
import type { GraphqlContext } from '../driver/context.js';
import { notFound } from '../driver/errors.js';
import { Requires } from '../driver/roles.js';
import { type Path, type UserError, userError } from '../schema/user-error.js';
import { SubmitRunInput, SubmitRunsInput } from './run.inputs.js';
import { Run } from './run.model.js';
import { SubmitRunPayload, SubmitRunsPayload } from './run.payloads.js';
import { toRun } from './run.view.js';
import { type Prepared, SubmitService } from './submit.service.js';
import { refusalOf, troubleOf, writtenRow } from './written.js';

const ITEMS_MAX = 5_000;
type Ready = Extract<Prepared, { ok: true }>['item'];

const refused = (userErrors: readonly UserError[]): SubmitRunPayload => ({
  run: null,
  replayed: false,
  userErrors,
});
const isTrouble = (
  written: Written,
): written is Extract<Written, { kind: 'overloaded' | 'unavailable' }> =>
  written.kind === 'overloaded' || written.kind === 'unavailable';

@Resolver(() => Run)
export class SubmitResolver {
  constructor(private readonly submissions: SubmitService) {}

  @Mutation(() => SubmitRunPayload, {
    description: 'Makes a run. When the answer has a run, it is durable.',
  })
  @Requires('OPERATOR')
  async submitRun(
    @Args('input', { type: () => SubmitRunInput, description: 'The run to be made.' })
    input: SubmitRunInput,
    @Context() context: GraphqlContext,
  ): Promise<SubmitRunPayload> {
    const prepared = await this.submissions.prepare(context.viewer, input, []);
    if (!prepared.ok) return refused(prepared.userErrors);
    const [written] = await this.submissions.intake.submit([prepared.item]);
    if (written !== undefined && isTrouble(written)) throw troubleOf(written);
    return await payloadOf(prepared.item, written, [], context);
  }

  @Mutation(() => SubmitRunsPayload, {
    description: `Makes up to ${ITEMS_MAX} runs. Each has a result of its own, in their order.`,
  })
  @Requires('OPERATOR')
  async submitRuns(
    @Args('input', { type: () => SubmitRunsInput, description: 'The runs to be made.' })
    input: SubmitRunsInput,
    @Context() context: GraphqlContext,
  ): Promise<SubmitRunsPayload> {
    const { items } = input;
    if (items.length > ITEMS_MAX) {
      const message = `There are ${items.length} items: send at most ${ITEMS_MAX} at a time.`;
      const userErrors = [userError('TOO_MANY_ITEMS', ['items'], message)];
      return { results: [], accepted: 0, userErrors };
    }
    const prepared = await Promise.all(
      items.map((item, i) => this.prepareItem(input, item, i, context)),
    );
    const results =
      input.atomic === 'ALL'
        ? await this.submitAll(prepared, context)
        : await this.submitEach(prepared, context);
    const accepted = results.filter(({ run }) => run !== null).length;
    return { results, accepted, userErrors: [] };
  }

  private async prepareItem(
    input: SubmitRunsInput,
    item: SubmitRunInput,
    i: number,
    { viewer }: GraphqlContext,
  ): Promise<Prepared> {
    const path = ['items', String(i)];
    if (item.project === input.project) {
      return await this.submissions.prepare(viewer, item, path);
    }
    const message = `The items of a request are of its own project, ${input.project}.`;
    const userErrors = [userError('INVALID_INPUT', [...path, 'project'], message)];
    return { ok: false, userErrors };
  }

  private async submitEach(
    prepared: readonly Prepared[],
    context: GraphqlContext,
  ): Promise<SubmitRunPayload[]> {
    const good = prepared.flatMap((each) => (each.ok ? [each.item] : []));
    const written = await this.submissions.intake.submit(good);
    return await payloadsOf(prepared, new Map(zip(good, written)), context);
  }

  private async submitAll(
    prepared: readonly Prepared[],
    context: GraphqlContext,
  ): Promise<SubmitRunPayload[]> {
    const good = prepared.flatMap((each) => (each.ok ? [each.item] : []));
    if (good.length < prepared.length || hasConflict(good)) {
      const withdrawn: Written = { kind: 'withdrawn' };
      return await payloadsOf(prepared, new Map(good.map((item) => [item, withdrawn])), context);
    }
    const written = await this.submissions.intake.submitTogether(good);
    return await payloadsOf(prepared, new Map(zip(good, written)), context);
  }
}

const zip = <A, B>(left: readonly A[], right: readonly B[]): [A, B][] =>
  left.map((item, i) => [item, right[i] as B]);

/** One key for two requests inside one batch. */
function hasConflict(items: readonly Ready[]): boolean {
  const hashes = new Map<string, string>();
  return items.some(({ key }) => {
    if (key === undefined) return false;
    const before = hashes.get(key.key);
    hashes.set(key.key, key.hash);
    return before !== undefined && before !== key.hash;
  });
}

async function payloadsOf(
  prepared: readonly Prepared[],
  written: ReadonlyMap<Ready, Written>,
  context: GraphqlContext,
): Promise<SubmitRunPayload[]> {
  const [first, ...others] = [...written.values()];
  // All in the same trouble: the request as a whole is to be repeated.
  if (first !== undefined && isTrouble(first) && others.every(isTrouble)) throw troubleOf(first);
  const payload = async (each: Prepared, i: number): Promise<SubmitRunPayload> => {
    if (!each.ok) return refused(each.userErrors);
    return await payloadOf(each.item, written.get(each.item), ['items', String(i)], context);
  };
  return await Promise.all(prepared.map(payload));
}

async function payloadOf(
  item: Ready,
  written: Written | undefined,
  path: Path,
  context: GraphqlContext,
): Promise<SubmitRunPayload> {
  if (written === undefined) throw new Error(`run ${item.run.id} has no answer`);
  if (isTrouble(written)) {
    const message = 'Perhaps it was stored: repeat it with its key.';
    return refused([userError('UNAVAILABLE', path, message)]);
  }
  switch (written.kind) {
    case 'written':
      return { run: toRun(writtenRow(item.run, written.at)), replayed: false, userErrors: [] };
    case 'replayed': {
      const row = await context.runs.load(written.ref);
      // It may be past its retention; the key then still says that it was.
      if (row === undefined) throw notFound(`Run ${written.ref}, which this key made,`);
      return { run: toRun(row), replayed: true, userErrors: [] };
    }
    case 'conflict':
    case 'refused':
    case 'withdrawn':
      return refused([refusalOf(written, path)]);
    default: {
      const never: never = written;
      return never;
    }
  }
}
