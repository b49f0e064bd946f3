import { Readers } from './readers.js';

interface Call {
  readonly id: number;
  readonly name: 'open' | 'forget' | 'states' | 'figures' | 'hurry' | 'resume' | 'close';
  readonly words: readonly unknown[];
}

/** Readers in a process of their own: what they cost is not the gateway's, nor the submitter's. */
const readers = new Readers();
process.on('message', (call: Call) => {
  const method = readers[call.name] as (...words: readonly unknown[]) => Promise<unknown>;
  method.apply(readers, [...call.words]).then(
    (answer) => process.send?.({ id: call.id, answer }),
    (error: unknown) => process.send?.({ id: call.id, error: String(error) }),
  );
});
// Whoever started it has gone: there is nobody to read for.
process.on('disconnect', () => process.exit(0));
