import fs from 'node:fs';

const AGAIN_MS = 20;
const FULL = new Set(['EFBIG', 'ENOSPC']);

/** Lines of JSON in a file, each of them on the disk before `written` answers. */
export class Writer {
  #file;
  #syncing;
  #next;

  constructor(file) {
    this.#file = fs.openSync(file, 'a');
  }

  /** Whole lines beside those of others (O_APPEND); they outlive the process at once. */
  write(line) {
    fs.writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  /** Waits for room; one fsync for all who came while another was under way. */
  async written(line) {
    while (!this.#found(line)) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    this.#next ??= (this.#syncing ?? Promise.resolve()).then(() => {
      this.#syncing = this.#next;
      this.#next = undefined;
      return new Promise((resolve, reject) => {
        fs.fsync(this.#file, (error) => (error ? reject(error) : resolve()));
      });
    });
    await this.#next;
  }

  /** Whether there was room for it. */
  #found(line) {
    try {
      this.write(line);
      return true;
    } catch (error) {
      if (FULL.has(error.code)) return false;
      throw error;
    }
  }

  close() {
    fs.closeSync(this.#file);
  }
}
