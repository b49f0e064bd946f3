import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { codeOf, EmbeddedProblem, messageOf } from './problem.js';
import { giveTo, type ServerUser } from './server-user.js';

const PRIVATE = 0o700;
const PASSWORD_BYTES = 18;
/** With this as -D a server works in its current folder without passing through those above it. */
const CURRENT = '/proc/self/cwd';

export interface DataDirectory {
  readonly path: string;
  /** What the server is told: the path, or where the path is closed to its user, its own cwd. */
  readonly spoken: string;
}

export function spokenPath(data: string, reachable: boolean): string {
  if (reachable) return data;
  if (process.platform === 'linux') return CURRENT;
  throw new EmbeddedProblem(
    `The database's user cannot reach ${data}: set ORRERY_HOME to a folder that everybody may ` +
      'enter, or start Orrery as an ordinary user.',
  );
}

export function makeDirectory(directory: string): void {
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o755 });
    fs.accessSync(directory, fs.constants.W_OK | fs.constants.X_OK);
  } catch (error) {
    const because = codeOf(error) ?? messageOf(error);
    throw new EmbeddedProblem(
      `The database folder ${directory} cannot be written (${because}): ` +
        'make it writable, or set ORRERY_HOME to a folder of your own.',
    );
  }
}

/** Whether the data is there; a half-finished initdb never is, for it is renamed when complete. */
export function inspectData(data: string, major: number): 'present' | 'absent' {
  let found: number;
  try {
    found = Number(fs.readFileSync(path.join(data, 'PG_VERSION'), 'utf8').trim());
  } catch {
    if (!fs.existsSync(data)) return 'absent';
    if (fs.readdirSync(data).length === 0) {
      fs.rmdirSync(data);
      return 'absent';
    }
    throw new EmbeddedProblem(
      `${data} holds something that is not a PostgreSQL database: ` +
        'move it away, or set ORRERY_HOME to another folder.',
    );
  }
  if (found === major) return 'present';
  throw new EmbeddedProblem(
    `The database in ${data} is of PostgreSQL ${found} and this Orrery carries ${major}: start ` +
      `the Orrery that made it, set DATABASE_URL to a PostgreSQL ${found} that serves it, or ` +
      'move it away to begin with an empty one.',
  );
}

/** Written once, before the data is made, so that the two always fit. */
export function passwordOf(directory: string): string {
  const file = path.join(directory, 'password');
  try {
    const password = fs.readFileSync(file, 'utf8').trim();
    if (password !== '') return password;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  const password = randomBytes(PASSWORD_BYTES).toString('base64url');
  const aside = `${file}.${process.pid}`;
  fs.writeFileSync(aside, password, { mode: 0o600, flush: true });
  fs.renameSync(aside, file);
  return password;
}

export interface InitialiseOptions {
  readonly directory: string;
  readonly data: string;
  readonly server: string;
  readonly place: string;
  readonly password: string;
  readonly user: ServerUser | undefined;
  readonly speak: (data: string) => string;
}

export async function initialise(options: InitialiseOptions): Promise<void> {
  const { directory, data, server, place, password, user } = options;
  for (const entry of fs.readdirSync(directory)) {
    if (!entry.startsWith('data.new.')) continue;
    fs.rmSync(path.join(directory, entry), { recursive: true, force: true });
  }
  const aside = path.join(directory, `data.new.${process.pid}`);
  fs.mkdirSync(aside, { mode: PRIVATE });
  giveTo(user, aside);
  const secret = fs.mkdtempSync(path.join(place, 'orrery-init-'));
  const passwordFile = path.join(secret, 'password');
  try {
    fs.writeFileSync(passwordFile, password, { mode: 0o600 });
    giveTo(user, secret);
    giveTo(user, passwordFile);
    const words = ['-D', options.speak(aside), '-U', 'postgres', '-E', 'UTF8', '--locale=C'];
    words.push('--locale-provider=builtin', '--builtin-locale=C.UTF-8');
    words.push('--auth=scram-sha-256', `--pwfile=${passwordFile}`);
    const { code, output } = await run(path.join(server, 'bin', 'initdb'), words, aside, user);
    if (code !== 0) {
      throw new EmbeddedProblem(
        `The database could not be made in ${data}: ${lastLine(output)}; see that the disk has ` +
          'room and that the folder may be written, then start again.',
      );
    }
    fs.renameSync(aside, data);
  } finally {
    fs.rmSync(secret, { recursive: true, force: true });
    fs.rmSync(aside, { recursive: true, force: true });
  }
}

/** What a server's process may know of our environment: nothing that changes its behaviour. */
export const serverEnvironment = { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' } as const;

interface Outcome {
  readonly code: number | null;
  readonly output: string;
}

function run(
  program: string,
  words: readonly string[],
  cwd: string,
  user: ServerUser | undefined,
): Promise<Outcome> {
  const ids = user ? { uid: user.uid, gid: user.gid } : {};
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { cwd, env: serverEnvironment, ...ids });
    const parts: Buffer[] = [];
    child.stdout.on('data', (part: Buffer) => parts.push(part));
    child.stderr.on('data', (part: Buffer) => parts.push(part));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output: Buffer.concat(parts).toString() }));
  });
}

export function lastLine(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const told = lines.filter((line) => /error|fatal|panic/i.test(line));
  return (told.at(-1) ?? lines.at(-1) ?? 'no word was said').trim();
}
