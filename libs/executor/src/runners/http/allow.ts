import { type Block, isWithin, parseBlock } from './addresses.js';

/**
 * An exception from the guard. One that names a host speaks of that name, wherever it leads; one
 * that is an address or a block speaks of these, however they were come by.
 */
export type Allowed =
  | { readonly kind: 'name'; readonly name: string; readonly port: number | null }
  | { readonly kind: 'block'; readonly block: Block; readonly port: number | null };

/** A host name, host:port or a CIDR; undefined when it is none of them. */
export function parseAllowed(text: string): Allowed | undefined {
  if (text.includes('/')) return blockOf(text, null);
  if (parseBlock(text) !== undefined) return blockOf(text, null);
  const [, host, digits] = /^(\[[^\]]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host === undefined) return undefined;
  const port = digits === undefined ? null : Number(digits);
  if (port !== null && (port < 1 || port > 65_535)) return undefined;
  const inner = host.startsWith('[') ? host.slice(1, -1) : undefined;
  if (inner !== undefined) return blockOf(inner, port);
  const name = canonical(host);
  if (name === undefined) return undefined;
  return blockOf(name, port) ?? { kind: 'name', name, port };
}

function blockOf(text: string, port: number | null): Allowed | undefined {
  const block = parseBlock(text);
  return block === undefined ? undefined : { kind: 'block', block, port };
}

/** As a URL would spell it, so that both can be compared. */
function canonical(host: string): string | undefined {
  if (!/^[\p{L}\p{N}._-]+$/u.test(host)) return undefined;
  const url = `http://${host}/`;
  return URL.canParse(url) ? nameOf(new URL(url)) : undefined;
}

/** The host of a URL without brackets and without the dot of the root. */
export const nameOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$|\.$/g, '');

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

const portOf = ({ port, protocol }: URL): number =>
  port === '' ? (DEFAULT_PORTS[protocol] ?? 0) : Number(port);

/** Whether a request to this URL may connect to this address although it is an inner one. */
export function isAllowed(list: readonly Allowed[], url: URL, address: string): boolean {
  return list.some((each) => {
    if (each.port !== null && each.port !== portOf(url)) return false;
    return each.kind === 'name' ? each.name === nameOf(url) : isWithin(address, each.block);
  });
}
