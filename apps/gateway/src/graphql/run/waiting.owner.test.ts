import { afterAll, beforeAll, expect, it } from 'vitest';
import { WaitingRig } from './testkit/waiting-rig.js';
import { waitingFor } from './waiting.js';

let rig: WaitingRig;

beforeAll(async () => {
  rig = await WaitingRig.start();
});
afterAll(() => rig.stop());

it('an owner that is not there, or is and has not taken it in', async () => {
  const run = await rig.submit();
  const absent = { place: undefined, aside: undefined, owner: undefined };
  const none = { now: 0, executors: [], ...absent };
  expect(waitingFor(run, { ...none, partition: undefined })).toMatchObject([
    {
      kind: 'NOT_TAKEN_IN',
      name: String(run.partition),
      hint: 'No scheduler owns the partition: start one.',
    },
  ]);
  // From now on the test's owner has it.
  await rig.owner.put(run.partition, {});
  expect((await rig.why(run)).text).toBe(
    `Partition ${run.partition} has not taken it in yet: its owner test.0 is not there any more.`,
  );
  await rig.owner.beSeen();
  const { kind, hint } = await rig.why(run);
  expect([kind, hint]).toEqual([
    'NOT_TAKEN_IN',
    'If this lasts, look at test.0, which owns the partition.',
  ]);
});

it('an owner that was not seen for a while', async () => {
  const run = await rig.submit();
  await rig.owner.put(run.partition, {});
  await rig.owner.beSeen();
  await rig.silence();
  expect(await rig.why(run)).toMatchObject({
    kind: 'NOT_TAKEN_IN',
    text: expect.stringMatching(
      /has not taken it in yet: its owner test.0 was last seen 6\d s ago/,
    ),
    hint: 'Start a scheduler, or look why test.0 is not heard.',
  });
});
