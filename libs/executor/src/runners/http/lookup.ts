import { lookup } from 'node:dns/promises';
import { type LookupFunction, isIPv6 } from 'node:net';
import type { Guard } from './guard.js';

/** The addresses of a host name. */
export type Resolve = (host: string) => Promise<readonly string[]>;

export const systemResolve: Resolve = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);

/** Travels through the socket as its error, and is known again on the other side. */
export class Refused extends Error {}

/** The hook of a socket that connects for this URL: it gets admitted addresses or none. */
export function guardedLookup(guard: Guard, url: URL, resolve: Resolve): LookupFunction {
  const find = async (host: string): Promise<readonly string[] | Error> => {
    try {
      const verdict = guard.admit(url, guard.literal(url) ?? (await resolve(host)));
      return verdict.kind === 'admitted' ? verdict.addresses : new Refused(verdict.why);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  };
  return (host, options, callback) => {
    const answer = async (): Promise<void> => {
      const found = await find(host);
      if (found instanceof Error) return callback(found, []);
      const all = found.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
      if (options.all === true) return callback(null, all);
      return callback(null, all[0]?.address ?? '', all[0]?.family);
    };
    void answer(); // `find` has no way to fail
  };
}
