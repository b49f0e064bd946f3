import { expect, test } from 'vitest';
import { SHORT, planFor } from './plan.js';

const ONE = ['one'];
const EVERYWHERE = ['cut', 'delay', 'double', 'kill', 'lose', 'pause', 'stall'];

/** A disk that is full and a clock of one process are not to be had on every machine. */
test.each([
  { disks: ONE, clocks: ONE, more: ['clock', 'full'] },
  { disks: [], clocks: ONE, more: ['clock'] },
  { disks: ONE, clocks: [], more: ['full'] },
  { disks: [], clocks: [], more: [] },
])('the storm of CI has every kind of fault, and each deed on words: $more', (given) => {
  const { disks, clocks, more } = given;
  const targets = { workers: ONE, servers: ONE, links: ONE, wires: ONE, disks, clocks };
  const { faults } = planFor(SHORT, SHORT.faults, targets);
  const seen = faults.map((fault) => (fault.what === 'frames' ? fault.deed : fault.what));
  expect([...new Set(seen)].toSorted()).toEqual([...EVERYWHERE, ...more].toSorted());
});
