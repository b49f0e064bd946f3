/** Names an export of type `ThreadEntry`: a closure cannot cross to a thread, a module can. */
export interface Entry<M, A> {
  readonly module: URL;
  readonly export: string;
  /** Never set; it carries the types. */
  readonly accepts?: (args: A, message: M) => void;
}

export interface ThreadSpawnOptions {
  readonly name: string;
  /** From `pool.pick(key)`; by the name when absent. */
  readonly thread?: number;
}

export interface ThreadPool {
  readonly size: number;
  pick(key: string): number;
}

/**
 * Worker files run from dist: under vitest `import.meta.url` is the .ts source, and Node 20 starts
 * no thread from TypeScript. The last apps/ or libs/ of the path is the project's own.
 */
export function workerUrl(from: string, name: string): URL {
  return builtUrl(new URL(from.endsWith('.ts') ? `${name}.ts` : `${name}.js`, from));
}

export function builtUrl(source: URL): URL {
  const url = new URL(source);
  if (!url.pathname.endsWith('.ts')) return url;
  url.pathname = url.pathname
    .replace(/\.ts$/, '.js')
    .replace(/\/(apps|libs)\/(?!.*\/(apps|libs)\/)/, '/dist/$1/');
  return url;
}
