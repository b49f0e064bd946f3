import fs from 'node:fs';

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

  /** One fsync for all who came while another was under way. */
  written(line) {
    this.write(line);
    this.#next ??= (this.#syncing ?? Promise.resolve()).then(() => {
      this.#syncing = this.#next;
      this.#next = undefined;
      return new Promise((resolve, reject) => {
        fs.fsync(this.#file, (error) => (error ? reject(error) : resolve()));
      });
    });
    return this.#next;
  }

  close() {
    fs.closeSync(this.#file);
  }
}
