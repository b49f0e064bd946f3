import { Args, Context, Mutation, Resolver } from '@nestjs/graphql';
import type { Written } from '../../intake/item.js';
import type { GraphqlContext } from '../driver/context.js';
import { Requires } from '../driver/roles.js';
import { type Path, userError } from '../schema/user-error.js';
import { SubmitRunInput, SubmitRunsInput } from './run.inputs.js';
import { Run } from './run.model.js';
import { SubmitRunPayload, SubmitRunsPayload } from './run.payloads.js';
import { type Prepared, SubmitService } from './submit.service.js';
import {
  type ReadyRun,
  isTrouble,
  payloadOf,
  refused,
  replayedRuns,
  settledPayload,
} from './submit.payload.js';
import { troubleOf } from './written.js';

const ITEMS_MAX = 5_000;
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
    const { viewer } = context;
    const [prepared] = await this.submissions.prepare(viewer, input.project, [input], () => []);
    if (prepared === undefined) throw new Error('a submission was lost while it was prepared');
    if (!prepared.ok) return refused(prepared.userErrors);
    const [written] = await this.submissions.intake.submit([prepared.item]);
    return await settledPayload(context, prepared.item, written);
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
    const { viewer } = context;
    const read = await this.submissions.prepare(viewer, input.project, items, pathOfItem);
    const prepared = read.map((each, i) =>
      items[i]?.project === input.project ? each : foreignItem(input.project, i),
    );
    const results =
      input.atomic === 'ALL'
        ? await this.submitAll(prepared, context)
        : await this.submitEach(prepared, context);
    const accepted = results.filter(({ run }) => run !== null).length;
    return { results, accepted, userErrors: [] };
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

const pathOfItem = (i: number): Path => ['items', String(i)];

function foreignItem(project: string, i: number): Prepared {
  const message = `The items of a request are of its own project, ${project}.`;
  const path = [...pathOfItem(i), 'project'];
  return { ok: false, userErrors: [userError('INVALID_INPUT', path, message)] };
}

const zip = <A, B>(left: readonly A[], right: readonly B[]): [A, B][] =>
  left.map((item, i) => [item, right[i] as B]);

/** One key for two requests inside one batch. */
function hasConflict(items: readonly ReadyRun[]): boolean {
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
  written: ReadonlyMap<ReadyRun, Written>,
  context: GraphqlContext,
): Promise<SubmitRunPayload[]> {
  const all = [...written.values()];
  // All in the same trouble: the request as a whole is to be repeated.
  const [first] = all;
  if (first !== undefined && all.every(isTrouble) && isTrouble(first)) throw troubleOf(first);
  const replayed = await replayedRuns(all, context);
  return prepared.map((each, i) => {
    if (!each.ok) return refused(each.userErrors);
    return payloadOf(each.item, written.get(each.item), pathOfItem(i), replayed);
  });
}
