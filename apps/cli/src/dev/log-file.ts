import fs from 'node:fs';

const BYTES_MAX = 10 * 1024 * 1024;
const KEPT = 2;

export interface LogFile {
  write(chunk: Buffer | string): void;
  close(): void;
}

/** Appends; at its bound the file becomes `.1`, that `.2`, and what was `.2` goes. */
export function openLogFile(file: string, bytesMax = BYTES_MAX): LogFile {
  let handle: number | undefined = fs.openSync(file, 'a', 0o600);
  let bytes = fs.fstatSync(handle).size;
  const rotate = (): void => {
    if (handle !== undefined) fs.closeSync(handle);
    for (let n = KEPT; n > 0; n--) {
      const older = n === 1 ? file : `${file}.${n - 1}`;
      if (fs.existsSync(older)) fs.renameSync(older, `${file}.${n}`);
    }
    handle = fs.openSync(file, 'a', 0o600);
    bytes = 0;
  };
  return {
    write(chunk) {
      if (handle === undefined) return;
      try {
        if (bytes >= bytesMax) rotate();
        bytes += fs.writeSync(handle, chunk as Buffer);
      } catch {
        // A full disk must not end the supervisor: its children say what they lack themselves.
      }
    },
    close() {
      if (handle !== undefined) fs.closeSync(handle);
      handle = undefined;
    },
  };
}
