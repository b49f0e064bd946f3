// Makes a checkout ready to run: checks Node, installs the packages, compiles what changed.
import { join } from 'path';
import { pathToFileURL } from 'url';
import { isBuilt, planBuild, runBuild } from './lib/compile.mjs';
import { install, installIsCurrent } from './lib/install.mjs';
import { withLock } from './lib/lock.mjs';
import { nodeIsNewEnough } from './lib/node-version.mjs';
import { root, say, ToolError } from './lib/places.mjs';

/** True when everything is ready; else the reason was said and the caller exits with 1. */
export function prepare() {
  if (!nodeIsNewEnough(process.versions.node, say)) return false;
  try {
    // The common case takes no lock and writes nothing, so it also works in a read-only checkout.
    if (installIsCurrent(root) && isBuilt(planBuild(root))) return true;
    withLock(join(root, '.cache', 'prepare.lock'), say, () => {
      if (!installIsCurrent(root)) install(root, say);
      const plan = planBuild(root);
      if (!isBuilt(plan)) runBuild(root, plan);
    });
    return true;
  } catch (error) {
    if (error instanceof ToolError) say(error.message);
    else if (['EACCES', 'EPERM', 'EROFS'].includes(error.code)) {
      say(`Cannot write ${error.path}: run as a user who may write to ${root}, or chown it.`);
    } else throw error;
    return false;
  }
}

/** True when the file was started, rather than imported. */
export function isMain(url) {
  return process.argv[1] !== undefined && pathToFileURL(process.argv[1]).href === url;
}

if (isMain(import.meta.url) && !prepare()) process.exitCode = 1;
