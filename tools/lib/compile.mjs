import { createHash } from 'crypto';
import fs from 'fs';
import { createRequire } from 'module';
import { dirname, join, relative, sep } from 'path';
import { ToolError } from './places.mjs';

const sourceFolders = ['apps', 'libs', 'bench'];
// A copied package.json would cut the `#name` imports.
const leftOut = /(^|\/)node_modules\/|(^|\/)(package|tsconfig)\.json$/;
const compiled = /(?<!\.test|\.d)\.tsx?$/;
const copied = /\.(json|sql|graphql|js|mjs|html|css)$/;
const stampVersion = 1;

/** What is to be done so that dist holds exactly what the sources say; empty when it does. */
export function planBuild(root) {
  const config = configHash(root);
  const stamp = readStamp(root);
  const before = stamp.config === config ? stamp.files : {};
  const files = {};
  const changed = [];
  const outputs = new Set(['.stamp']);
  const present = new Set(walk(join(root, 'dist'), ''));
  for (const source of listSources(root)) {
    const { mtimeMs, size } = fs.statSync(join(root, source));
    files[source] = `${mtimeMs}:${size}`;
    const made = outputsOf(source);
    for (const output of made) outputs.add(output);
    const isThere = made.every((output) => present.has(output));
    if (before[source] !== files[source] || !isThere) changed.push(source);
  }
  const stale = [...present].filter((path) => !outputs.has(path));
  return { config, files, changed, stale };
}

export function isBuilt(plan) {
  return plan.changed.length === 0 && plan.stale.length === 0;
}

/**
 * Carries the plan out. A file that does not parse is reported with all others that do not, and
 * keeps its last good output; it is left out of the stamp, so the next build tries it again.
 */
export function runBuild(root, plan) {
  const failures = [];
  const swc = plan.changed.some((source) => compiled.test(source)) ? loadSwc(root) : undefined;
  for (const source of plan.changed) {
    try {
      if (compiled.test(source)) compileFile(root, source, swc);
      else copyFile(root, source);
    } catch (error) {
      failures.push(`${source}: ${reason(error)}`);
      delete plan.files[source];
    }
  }
  removeStale(root, plan.stale);
  const stamp = { version: stampVersion, config: plan.config, files: plan.files };
  write(join(root, 'dist', '.stamp'), JSON.stringify(stamp));
  if (failures.length > 0) {
    throw new ToolError(
      `${failures.join('\n\n')}\n\nThe build failed in ${failures.length} file(s).`,
    );
  }
}

/** swc appends its own stack in C++ and Rust, which says nothing about the source. */
function reason(error) {
  return String(error.message || error)
    .split('\nCaused by:')[0]
    .trim();
}

function listSources(root) {
  const found = [];
  for (const folder of sourceFolders) {
    for (const path of walk(join(root, folder), `${folder}/`)) {
      if (leftOut.test(path)) continue;
      if (compiled.test(path) || copied.test(path)) found.push(path);
    }
  }
  return found;
}

/** Files below a folder, as paths with forward slashes; a folder that is missing has none. */
function walk(folder, prefix) {
  const found = [];
  let entries = [];
  try {
    entries = fs.readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  for (const entry of entries) {
    if (entry.isDirectory() && entry.name !== 'node_modules') {
      found.push(...walk(join(folder, entry.name), `${prefix}${entry.name}/`));
    } else if (entry.isFile()) {
      found.push(`${prefix}${entry.name}`);
    }
  }
  return found;
}

function outputsOf(source) {
  if (!compiled.test(source)) return [source];
  const base = source.replace(/\.tsx?$/, '.js');
  return [base, `${base}.map`];
}

function compileFile(root, source, swc) {
  const [output, map] = outputsOf(source).map((path) => join(root, 'dist', path));
  const result = swc.transformFileSync(join(root, source), {
    cwd: root,
    root,
    swcrc: true,
    configFile: join(root, '.swcrc'),
    sourceFileName: relative(dirname(output), join(root, source)).split(sep).join('/'),
  });
  write(map, result.map);
  write(output, `${result.code}//# sourceMappingURL=${map.split(sep).pop()}\n`);
}

function copyFile(root, source) {
  const output = join(root, 'dist', source);
  fs.mkdirSync(dirname(output), { recursive: true });
  fs.copyFileSync(join(root, source), `${output}.${process.pid}.new`);
  fs.renameSync(`${output}.${process.pid}.new`, output);
}

/** Renamed into place: a process that starts meanwhile reads the old file or the new one. */
function write(file, text) {
  fs.mkdirSync(dirname(file), { recursive: true });
  fs.writeFileSync(`${file}.${process.pid}.new`, text);
  fs.renameSync(`${file}.${process.pid}.new`, file);
}

function removeStale(root, stale) {
  for (const path of stale) {
    fs.rmSync(join(root, 'dist', path), { force: true });
    removeEmptyAbove(join(root, 'dist'), dirname(join(root, 'dist', path)));
  }
}

function removeEmptyAbove(top, folder) {
  let current = folder;
  while (current !== top && fs.existsSync(current) && fs.readdirSync(current).length === 0) {
    fs.rmdirSync(current);
    current = dirname(current);
  }
}

function loadSwc(root) {
  try {
    return createRequire(join(root, 'package.json'))('@swc/core');
  } catch (error) {
    throw new ToolError(`swc does not load (${error.message}): remove node_modules and try again`);
  }
}

/** Another compiler, or other options, make every output old. */
function configHash(root) {
  const hash = createHash('sha256').update(String(stampVersion));
  for (const file of ['.swcrc', 'node_modules/@swc/core/package.json']) {
    if (fs.existsSync(join(root, file))) hash.update(fs.readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

function readStamp(root) {
  try {
    return JSON.parse(fs.readFileSync(join(root, 'dist', '.stamp'), 'utf8'));
  } catch {
    return { config: '', files: {} };
  }
}
