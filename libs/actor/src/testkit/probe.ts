import type { Millis } from '../machine.js';
import { Ref } from '../refs.js';
import type { Admit } from '../refs.js';
import { until } from './until.js';

/** Probes are told apart by number; counted down, they never meet an actor's. */
let probes = 0;

/** A ref that records what it is told and can be awaited. */
export class Probe<M> extends Ref<M> {
  readonly messages: M[];

  constructor(path: string, admit: (message: M) => Admit) {
    probes -= 1;
    const messages: M[] = [];
    super({ node: 'local', thread: 0, path, incarnation: probes }, (message) => {
      const answer = admit(message);
      if (answer === 'accepted') messages.push(message);
      return answer;
    });
    this.messages = messages;
  }

  /** The first `count` messages, as soon as there are so many. */
  async first(count: number, boundMs: Millis): Promise<readonly M[]> {
    await until(() => this.messages.length >= count, boundMs);
    return this.messages.slice(0, count);
  }
}

export function probe<M>(
  path = 'probe',
  admit: (message: M) => Admit = () => 'accepted',
): Probe<M> {
  return new Probe(path, admit);
}
