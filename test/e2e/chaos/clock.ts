import fs from 'node:fs';

const FOLDERS = [
  ...['/usr/lib/x86_64-linux-gnu/faketime', '/usr/lib/aarch64-linux-gnu/faketime'],
  ...['/usr/lib64/faketime', '/usr/lib/faketime', '/usr/local/lib/faketime'],
];
const LIBRARY = FOLDERS.map((folder) => `${folder}/libfaketime.so.1`).find((file) =>
  fs.existsSync(file),
);

/** Why no process can have a wall clock of its own here; undefined: it can. */
export const whyOneClock =
  LIBRARY === undefined ? 'libfaketime is not installed: apt-get install faketime' : undefined;

/** For a process whose wall clock is as far off as the file says. Its timers go on as they are. */
export function clockFrom(file: string): Readonly<Record<string, string>> {
  if (LIBRARY === undefined) return {};
  step(file, 0);
  return {
    LD_PRELOAD: LIBRARY,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

/** At once, and whole: who reads it meanwhile sees the one or the other. */
export function step(file: string, bySeconds: number): void {
  fs.writeFileSync(`${file}.new`, `${bySeconds < 0 ? '' : '+'}${bySeconds}\n`);
  fs.renameSync(`${file}.new`, file);
}
