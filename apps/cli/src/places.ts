import fs from 'node:fs';
import path from 'node:path';

/** Of this installation. Compiled, this file stands in dist/apps/cli/src. */
export const ROOT = path.join(import.meta.dirname, '../../../..');

export function versionOfThis(): string {
  const manifest = fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
