import { isIPv4, isIPv6 } from 'node:net';

/** Four bytes or sixteen. */
type Bytes = readonly number[];

export interface Block {
  readonly bytes: Bytes;
  /** How many of its bits count. */
  readonly bits: number;
}

/**
 * The bytes of an address as the system spells it, without a zone. An IPv4 address that is mapped
 * into IPv6 is the IPv4 address: that is where its packets go.
 */
function bytesOf(text: string): Bytes | undefined {
  const plain = text.replace(/%.*$/, '');
  if (isIPv4(plain)) return plain.split('.').map(Number);
  if (!isIPv6(plain)) return undefined;
  const [front = '', back = ''] = plain.split('::');
  const first = bytesOfGroups(front);
  const last = bytesOfGroups(back);
  const between = Array.from({ length: 16 - first.length - last.length }, () => 0);
  const bytes = [...first, ...between, ...last];
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255;
  return isMapped && bytes[11] === 255 ? bytes.slice(12) : bytes;
}

function bytesOfGroups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (isIPv4(group)) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

/** `10.0.0.0/8`, or one address; undefined when it is neither. */
export function parseBlock(text: string): Block | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const bytes = bytesOf(address);
  if (bytes === undefined || rest.length > 0) return undefined;
  const most = bytes.length * 8;
  if (length === undefined) return { bytes, bits: most };
  const bits = /^\d{1,3}$/.test(length) ? Number(length) : most + 1;
  return bits <= most ? { bytes, bits } : undefined;
}

export function isWithin(address: string, block: Block): boolean {
  const bytes = bytesOf(address);
  return bytes !== undefined && holds(block, bytes);
}

function holds({ bytes, bits }: Block, address: Bytes): boolean {
  if (address.length !== bytes.length) return false;
  return bytes.every((byte, i) => {
    const counted = Math.min(8, Math.max(0, bits - i * 8));
    const mask = (0xff00 >> counted) & 0xff;
    return (byte & mask) === ((address[i] ?? 0) & mask);
  });
}

interface Place extends Block {
  readonly name: string;
}

function place(cidr: string, name: string): Place {
  const block = parseBlock(cidr);
  if (block === undefined) throw new Error(`no block of addresses: ${cidr}`);
  return { ...block, name: `${name} (${cidr})` };
}

/** Where no job of a stranger may go: the machine itself, its network, its cloud's own services. */
const INNER: readonly Place[] = [
  place('0.0.0.0/8', 'this machine'),
  place('10.0.0.0/8', 'a private network'),
  place('100.64.0.0/10', "a carrier's inner network"),
  place('127.0.0.0/8', 'this machine'),
  place('168.63.129.16/32', "a cloud's inner service"),
  place('169.254.0.0/16', 'the local link and cloud metadata'),
  place('172.16.0.0/12', 'a private network'),
  place('192.0.0.0/24', 'a special purpose'),
  place('192.168.0.0/16', 'a private network'),
  place('198.18.0.0/15', 'a test network'),
  place('224.0.0.0/4', 'multicast'),
  place('255.255.255.255/32', 'broadcast'),
  place('240.0.0.0/4', 'a reserved block'),
  place('::/128', 'no address'),
  place('::1/128', 'this machine'),
  place('2001::/32', 'a tunnel to anywhere'),
  place('fc00::/7', 'a private network'),
  place('fe80::/10', 'the local link'),
  place('ff00::/8', 'multicast'),
];

/** IPv6 blocks in which an IPv4 address begins at a byte: a gateway sends the packets on to it. */
const EMBEDDING: readonly { readonly block: Place; readonly at: number }[] = [
  { block: place('::/96', 'IPv4-compatible'), at: 12 },
  { block: place('::ffff:0:0:0/96', 'IPv4-translated'), at: 12 },
  { block: place('64:ff9b::/96', 'NAT64'), at: 12 },
  { block: place('2002::/16', '6to4'), at: 2 },
];

/** All that has been given out of IPv6; what is outside of it leads nowhere in public. */
const GLOBAL = place('2000::/3', 'global addresses');

/** What an address belongs to when it is not for everybody; undefined: it is a public one. */
export function innerPlaceOf(address: string): string | undefined {
  const bytes = bytesOf(address);
  return bytes === undefined ? 'no address' : placeOf(bytes);
}

function placeOf(bytes: Bytes): string | undefined {
  const inner = INNER.find((each) => holds(each, bytes));
  if (inner !== undefined) return inner.name;
  if (bytes.length === 4) return undefined;
  const within = EMBEDDING.find(({ block }) => holds(block, bytes));
  if (within !== undefined) return placeOf(bytes.slice(within.at, within.at + 4));
  return holds(GLOBAL, bytes) ? undefined : 'no global address';
}
