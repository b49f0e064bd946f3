import fs from 'node:fs';
import path from 'node:path';
import { codeOf, DevProblem, messageOf } from './problem.js';

/** What others find under ORRERY_HOME while `orrery dev` runs. */
export interface Endpoint {
  readonly graphql: string;
  readonly ws: string;
  readonly mqtt: string;
  readonly databaseUrl: string;
  readonly adminKeyFile: string;
  readonly project: 'demo';
  readonly processes: readonly EndpointProcess[];
}

export interface EndpointProcess {
  readonly role: string;
  readonly name: string;
  readonly pid: number;
}

/** Remembered, so that the survivors of a kill -9 and the clients' settings still fit. */
export interface Ports {
  readonly postgres?: number;
  readonly broker?: number;
  readonly gateway?: number;
}

export interface Home {
  readonly path: string;
  at(...names: readonly string[]): string;
  readEndpoint(): Partial<Endpoint> | undefined;
  writeEndpoint(endpoint: Endpoint): void;
  removeEndpoint(): void;
  readPorts(): Ports;
  writePorts(ports: Ports): void;
}

export function openHome(directory: string): Home {
  const home = path.resolve(directory);
  const at = (...names: readonly string[]): string => path.join(home, ...names);
  try {
    // Others may pass and not look: as root the database runs as another user below it.
    fs.mkdirSync(home, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
    fs.mkdirSync(at('logs'), { recursive: true });
    fs.accessSync(home, fs.constants.W_OK | fs.constants.X_OK);
    writeWhole(at('.writable'), '');
    fs.rmSync(at('.writable'));
  } catch (error) {
    throw new DevProblem(
      `The home ${home} cannot be written (${codeOf(error) ?? messageOf(error)}): ` +
        'make it writable, or set ORRERY_HOME to a folder of your own.',
    );
  }
  return {
    path: home,
    at,
    readEndpoint: () => readJson(at('endpoint.json')),
    writeEndpoint: (endpoint) =>
      writeWhole(at('endpoint.json'), `${JSON.stringify(endpoint, null, 2)}\n`),
    removeEndpoint: () => fs.rmSync(at('endpoint.json'), { force: true }),
    readPorts: () => readJson<Ports>(at('ports.json')) ?? {},
    writePorts: (ports) => writeWhole(at('ports.json'), `${JSON.stringify(ports)}\n`),
  };
}

/** Readers see the old text or the new one. It may hold a password, so it is ours alone. */
function writeWhole(file: string, text: string): void {
  const aside = `${file}.${process.pid}`;
  fs.writeFileSync(aside, text, { mode: 0o600 });
  fs.renameSync(aside, file);
}

function readJson<T extends object>(file: string): Partial<T> | undefined {
  try {
    const value: unknown = JSON.parse(fs.readFileSync(file, 'utf8'));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined; // absent, or cut short by a full disk: it is only a memory
  }
}
