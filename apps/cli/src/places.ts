import fs from 'node:fs';
import path from 'node:path';

/** Of this installation: the first folder upwards with a manifest, compiled or not. */
export const ROOT = rootOf(import.meta.dirname);

function rootOf(folder: string): string {
  const isRoot = fs.existsSync(path.join(folder, 'package.json'));
  return isRoot || path.dirname(folder) === folder ? folder : rootOf(path.dirname(folder));
}

export function versionOfThis(): string {
  const manifest = fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
