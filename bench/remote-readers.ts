import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import type { Readers } from './readers.js';

export type ReadersLike = Pick<
  Readers,
  'open' | 'forget' | 'states' | 'figures' | 'hurry' | 'resume' | 'close'
>;

/** Readers in a child process. */
export class RemoteReaders implements ReadersLike {
  private readonly child: ChildProcess;
  private readonly calls = new Map<number, (answer: unknown, error?: string) => void>();
  private newest = 0;

  constructor() {
    this.child = fork(path.join(import.meta.dirname, 'readers.entry.js'));
    this.child.on('message', (said: { id: number; answer?: unknown; error?: string }) => {
      this.calls.get(said.id)?.(said.answer, said.error);
      this.calls.delete(said.id);
    });
    this.child.once('exit', (code) => {
      for (const answer of this.calls.values()) answer(undefined, `the readers ended: ${code}`);
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  open(...words: Parameters<ReadersLike['open']>): Promise<void> {
    return this.call('open', words);
  }
  forget(): Promise<void> {
    return this.call('forget', []);
  }
  states(): ReturnType<ReadersLike['states']> {
    return this.call('states', []);
  }
  figures(): ReturnType<ReadersLike['figures']> {
    return this.call('figures', []);
  }
  hurry(): Promise<void> {
    return this.call('hurry', []);
  }
  resume(count: number): Promise<void> {
    return this.call('resume', [count]);
  }

  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.disconnect();
    await gone;
  }

  private call<T>(name: keyof ReadersLike, words: readonly unknown[]): Promise<T> {
    const id = ++this.newest;
    return new Promise((resolve, reject) => {
      this.calls.set(id, (answer, error) =>
        error === undefined ? resolve(answer as T) : reject(new Error(error)),
      );
      this.child.send({ id, name, words });
    });
  }
}
