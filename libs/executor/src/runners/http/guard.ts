import { isIP } from 'node:net';
import { innerPlaceOf } from './addresses.js';
import { type Allowed, isAllowed, nameOf } from './allow.js';

export type Verdict =
  | { readonly kind: 'admitted'; readonly addresses: readonly string[] }
  | { readonly kind: 'refused'; readonly why: string };

/** Names of this machine by definition (RFC 6761): nobody is asked what they mean. */
const LOCAL_NAME = /(^|\.)localhost$/;
const LOCAL_ADDRESSES = ['127.0.0.1', '::1'];

/**
 * Keeps http jobs away from the executor's own network: a job's URL is a stranger's word. Names
 * prove nothing, so each address that a connection may go to is judged, and only those that were
 * admitted are connected to: a name that changes its mind in between changes nothing.
 */
export class Guard {
  constructor(private readonly allow: readonly Allowed[]) {}

  /** The addresses that the URL itself names; undefined: they must be looked up by its name. */
  literal(url: URL): readonly string[] | undefined {
    const name = nameOf(url);
    if (isIP(name) !== 0) return [name];
    return LOCAL_NAME.test(name) ? LOCAL_ADDRESSES : undefined;
  }

  /** What can be said before anything is looked up. */
  judgeUrl(url: URL): Verdict {
    const { protocol } = url;
    if (protocol !== 'http:' && protocol !== 'https:') {
      return { kind: 'refused', why: `${protocol} is neither http: nor https:` };
    }
    const addresses = this.literal(url);
    return addresses === undefined
      ? { kind: 'admitted', addresses: [] }
      : this.admit(url, addresses);
  }

  /** Those of a name's addresses that may be connected to; at least one, or the first's reason. */
  admit(url: URL, addresses: readonly string[]): Verdict {
    const admitted = addresses.filter((each) => this.isOpen(url, each));
    if (admitted.length > 0) return { kind: 'admitted', addresses: admitted };
    const where = innerPlaceOf(addresses[0] ?? '') ?? 'no address';
    const why =
      `${nameOf(url)} leads to ${where}; ` +
      'if that is meant, allow it with ORRERY_HTTP_ALLOW at the executor';
    return { kind: 'refused', why };
  }

  private isOpen(url: URL, address: string): boolean {
    return innerPlaceOf(address) === undefined || isAllowed(this.allow, url, address);
  }
}
