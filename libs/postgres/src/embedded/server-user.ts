import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { EmbeddedProblem } from './problem.js';

/** Who the server runs as; undefined means as ourselves. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

const isRoot = (): boolean => process.getuid?.() === 0;

/**
 * PostgreSQL refuses to run as root, so root lends it another user: the owner of the data if there
 * is some (it was perhaps made by an ordinary user), else `postgres`, else `nobody`.
 */
export function chooseServerUser(dataDirectory: string): ServerUser | undefined {
  const owner = fs.statSync(dataDirectory, { throwIfNoEntry: false })?.uid;
  const self = process.getuid?.();
  if (!isRoot()) {
    if (owner !== undefined && self !== undefined && owner !== self) {
      throw new EmbeddedProblem(
        `The database folder ${dataDirectory} belongs to user ${owner} and this is user ${self}: ` +
          'start Orrery as its owner, or set ORRERY_HOME to a folder of your own.',
      );
    }
    return undefined;
  }
  const users = passwd();
  if (owner !== undefined && owner !== 0) {
    return (
      users.find((user) => user.uid === owner) ?? {
        uid: owner,
        gid: fs.statSync(dataDirectory).gid,
        name: String(owner),
      }
    );
  }
  return (
    users.find((user) => user.name === 'postgres') ??
    users.find((user) => user.name === 'nobody') ?? { uid: 65534, gid: 65534, name: '65534' }
  );
}

function passwd(): readonly ServerUser[] {
  const users: ServerUser[] = [];
  let text = '';
  try {
    text = fs.readFileSync('/etc/passwd', 'utf8');
  } catch {
    return users; // a bare container has none: the number of `nobody` serves
  }
  for (const line of text.split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name && uid && gid) users.push({ name, uid: Number(uid), gid: Number(gid) });
  }
  return users;
}

/** Whether `user` may pass through every folder from the root down to and including `directory`. */
export function canReach(directory: string, user: ServerUser | undefined): boolean {
  if (!user) return true;
  for (let at = fs.realpathSync(directory); ; at = path.dirname(at)) {
    const { mode, uid, gid } = fs.statSync(at);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
}

/** A folder for what the server's user must reach by its path, nearest to `directory` first. */
export function reachablePlace(directory: string, user: ServerUser | undefined): string {
  if (canReach(directory, user)) return directory;
  const place = [os.tmpdir(), '/var/tmp', '/tmp'].find(
    (at) => fs.existsSync(at) && canReach(at, user),
  );
  if (!place) {
    throw new EmbeddedProblem(
      `The database's user ${user?.name} can reach neither ${directory} nor a temporary folder: ` +
        'set ORRERY_HOME to a folder that everybody may enter, such as /var/lib/orrery.',
    );
  }
  return place;
}

export function giveTo(user: ServerUser | undefined, file: string): void {
  if (user) fs.chownSync(file, user.uid, user.gid);
}
