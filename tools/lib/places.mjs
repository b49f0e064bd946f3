import { existsSync } from 'fs';
import { dirname, join } from 'path';
import { fileURLToPath } from 'url';

/** The checkout, wherever it lies and from wherever a tool is called; it may hold spaces. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What stands between a person and their result is said on stderr; stdout belongs to results. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** A failure with a sentence for a person; anything else that is thrown is a bug of the tool. */
export class ToolError extends Error {}

/** A package's command as a file to give to this Node: no shell, no .cmd shim, no PATH. */
export function packageBin(path) {
  const file = join(root, 'node_modules', path);
  if (!existsSync(file)) throw new ToolError(`${path} is missing: run node tools/prepare.mjs`);
  return file;
}
