import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Vitest's global setup: worker threads and child processes of the tests run from dist. */
export function setup(): void {
  const root = join(import.meta.dirname, '..');
  execFileSync(process.execPath, [join(root, 'tools', 'build.mjs')], { stdio: 'inherit' });
}
