import type { Described, LocalCommand } from './command.js';
import { completionOf } from './completion.js';
import { doctor } from './doctor.js';
import { doctorAudit } from './doctor-audit.js';
import { init } from './init.js';
import { login, logout } from './login.js';
import { dev, migrate } from './start.js';
import { commands } from './table.js';

/** What asks no server of its own accord. */
export const locals: readonly LocalCommand[] = [
  init,
  dev,
  login,
  logout,
  doctor,
  doctorAudit,
  migrate,
  completionOf(() => described),
];

export const described: readonly Described[] = [...locals, ...commands];
