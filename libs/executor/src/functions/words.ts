import { setImmediate } from 'node:timers';
import type { MessagePort } from 'node:worker_threads';
import { type FromThread, PASSED_ON } from './frames.js';

/** More of a log than this the host has not passed on: the thread waits for it. */
const LOG_BYTES_MAX = 1_024 * 1_024;
/** Looked at anew now and then, whatever becomes of the host's word. */
const WAIT_MS = 1_000;

/**
 * What a thread says, in one message a turn. It uses nothing that a handler could have changed
 * before its first word of that is out.
 */
export class Words {
  /** Not null: the thread is spoiled, and only this call is listened to; 0 is none. */
  onlyOf: number | null = null;
  private words: FromThread[] = [];
  private count = 0;
  /** Of each call the place of what is not yet sent: only its newest counts. */
  private progressAt = new Map<number, number>();
  private loggedBytes = 0;

  constructor(
    private readonly port: Pick<MessagePort, 'postMessage'>,
    private readonly state: Int32Array,
  ) {}

  say(word: FromThread): void {
    if (this.onlyOf !== null && (!('id' in word) || word.id !== this.onlyOf)) return;
    this.words[this.count] = word;
    this.count += 1;
    if (this.count === 1) setImmediate(() => this.flush());
  }

  progress(id: number, percent: number | null, message: string): void {
    const word: FromThread = { kind: 'progress', id, percent, message };
    const at = this.progressAt.get(id);
    if (at !== undefined) {
      this.words[at] = word;
      return;
    }
    this.progressAt.set(id, this.count);
    this.say(word);
  }

  /** Waits in its place, as a write to a full pipe does: nothing is left out, nothing piles up. */
  log(id: number, line: string): void {
    if (this.onlyOf !== null && this.onlyOf !== id) return;
    const bytes = Buffer.byteLength(line);
    this.say({ kind: 'log', id, line, bytes });
    this.loggedBytes = (this.loggedBytes + bytes) | 0;
    if (this.waitingBytes() > LOG_BYTES_MAX) this.flush();
    while (this.waitingBytes() > LOG_BYTES_MAX) {
      Atomics.wait(this.state, PASSED_ON, Atomics.load(this.state, PASSED_ON), WAIT_MS);
    }
  }

  spoil(by: number, why: string): void {
    this.say({ kind: 'spoiled', by, why });
    this.onlyOf = by;
  }

  later(run: () => void): void {
    setImmediate(run);
  }

  private waitingBytes(): number {
    return (this.loggedBytes - Atomics.load(this.state, PASSED_ON)) | 0;
  }

  private flush(): void {
    if (this.count > 0) this.port.postMessage(this.words);
    this.words = [];
    this.count = 0;
    this.progressAt = new Map();
  }
}
