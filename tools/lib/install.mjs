import { spawnSync } from 'child_process';
import { createHash } from 'crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'fs';
import { homedir } from 'os';
import { basename, dirname, join } from 'path';
import { ToolError } from './places.mjs';

const outputBytesMax = 64 * 1024 * 1024;

/** True when node_modules is what the lockfile asks for, as the stamp of the last install says. */
export function installIsCurrent(root) {
  return readIfThere(stampFile(root)) === wanted(root);
}

/** Installs what the lockfile names; adopts what someone installed by hand if it is the same. */
export function install(root, say) {
  if (hasLockfile(root) && matchesLockfile(root)) {
    writeFileSync(stampFile(root), wanted(root));
    return;
  }
  say('Installing packages (once)…');
  const verb = hasLockfile(root) ? 'ci' : 'install';
  // Building needs the development packages and the native binaries whatever NODE_ENV says.
  const kept = ['--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  const result = runNpm(root, [verb, ...kept, '--loglevel=error']);
  if (result.error) throw new ToolError(`npm could not be started: ${result.error.message}`);
  if (result.status !== 0) {
    const output = `${result.stdout || ''}${result.stderr || ''}`.trim();
    throw new ToolError(`${output}\nnpm ${verb} failed; its output stands above.`);
  }
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  writeFileSync(stampFile(root), wanted(root));
}

function stampFile(root) {
  return join(root, 'node_modules', '.orrery-stamp');
}

function hasLockfile(root) {
  return existsSync(join(root, 'package-lock.json'));
}

/** The platform is part of it: a checkout shared with a container needs other binaries there. */
function wanted(root) {
  const source = hasLockfile(root) ? 'package-lock.json' : 'package.json';
  const hash = createHash('sha256')
    .update(readFileSync(join(root, source)))
    .digest('hex');
  return `${process.platform}-${process.arch} ${source} ${hash}\n`;
}

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** npm writes what it really installed into node_modules/.package-lock.json, as its last act. */
function matchesLockfile(root) {
  const hidden = readIfThere(join(root, 'node_modules', '.package-lock.json'));
  if (hidden === undefined) return false;
  const asked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages || {};
  const there = JSON.parse(hidden).packages || {};
  for (const path of Object.keys(there)) {
    if (asked[path] === undefined) return false;
  }
  for (const path of Object.keys(asked)) {
    if (path === '') continue;
    const found = there[path];
    if (found === undefined && mustBeHere(asked[path])) return false;
    if (found !== undefined && found.version !== asked[path].version) return false;
    if (found !== undefined && found.integrity !== asked[path].integrity) return false;
  }
  return true;
}

/**
 * What npm may leave out is what is optional: of another system, or something that only packages
 * of other systems need. A native binary of this system is optional in name only.
 */
function mustBeHere(entry) {
  if (!entry.optional && !entry.devOptional) return true;
  const isNative = entry.os !== undefined || entry.cpu !== undefined || entry.libc !== undefined;
  return isNative && !isForElsewhere(entry);
}

function isForElsewhere(entry) {
  const libc = isMusl() ? 'musl' : 'glibc';
  return (
    isOther(entry.os, process.platform) ||
    isOther(entry.cpu, process.arch) ||
    (process.platform === 'linux' && isOther(entry.libc, libc))
  );
}

function isOther(list, mine) {
  return Array.isArray(list) && !list.includes(mine);
}

function isMusl() {
  if (process.platform !== 'linux') return false;
  return process.report.getReport().header.glibcVersionRuntime === undefined;
}

function runNpm(root, args) {
  const options = { cwd: root, env: npmEnv(root), encoding: 'utf8', maxBuffer: outputBytesMax };
  for (const cli of [process.env.npm_execpath, ...npmBesideNode()]) {
    if (cli && basename(cli) === 'npm-cli.js' && existsSync(cli)) {
      return spawnSync(process.execPath, [cli, ...args], options);
    }
  }
  // Windows keeps npm in a .cmd file, which only a shell starts; the arguments hold no spaces.
  return spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
}

function npmBesideNode() {
  const bin = dirname(process.execPath);
  return [
    join(bin, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    join(bin, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ];
}

/** A service user often has no home that it can write to; npm then needs another cache. */
function npmEnv(root) {
  const env = { ...process.env };
  if (env.npm_config_cache || isWritable(join(homedir(), '.npm'))) return env;
  return { ...env, npm_config_cache: join(root, '.cache', 'npm') };
}

function isWritable(folder) {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
