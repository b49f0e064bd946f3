import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { innerPlaceOf } from './addresses.js';
import { parseAllowed } from './allow.js';
import { Guard } from './guard.js';
import { guardedLookup } from './lookup.js';

const PUBLIC = ['93.184.215.14', '8.8.8.8', '172.15.255.255', '172.32.0.0', '100.63.255.255'];
const PUBLIC_6 = ['2606:2800:21f:cb07::1', '64:ff9b::808:808', '2002:808:808::1'];
const INNER = [
  ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255', '100.64.0.1', '100.127.255.255'],
  ...['127.0.0.1', '127.255.255.254', '169.254.169.254', '172.16.0.1', '172.31.255.255'],
  ...['192.168.1.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
  ...['192.0.0.192', '198.18.0.1', '168.63.129.16'],
];
const INNER_6 = [
  ...['::', '::1', 'fc00::1', 'fd00:ec2::254', 'fe80::1', 'fe80::1%eth0', 'febf::1', 'ff02::1'],
  ...['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:a9fe:a9fe', '0:0:0:0:0:ffff:10.0.0.1'],
  ...['64:ff9b::127.0.0.1', '64:ff9b::a00:1', '2002:7f00:1::', '2002:c0a8:101::1'],
  ...['::10.0.0.1', '::ffff:0:10.0.0.1', '2001:0:a00:1::1', '64:ff9b:1::1', 'fec0::1'],
];

const guardOf = (...allow: readonly string[]): Guard =>
  new Guard(allow.flatMap((text) => parseAllowed(text) ?? []));
const isRefused = (guard: Guard, url: string): boolean =>
  guard.judgeUrl(new URL(url)).kind === 'refused';

describe('addresses', () => {
  it.each(INNER)('%s is an inner one, in every dress', (address) => {
    expect(innerPlaceOf(address)).toBeDefined();
    const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
    const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
    for (const dressed of [`::ffff:${address}`, `64:ff9b::${hex}`, `2002:${hex}::1`, `::${hex}`]) {
      expect(innerPlaceOf(dressed), dressed).toBeDefined();
    }
  });

  it.each(INNER_6)('%s is an inner one', (address) => {
    expect(innerPlaceOf(address)).toBeDefined();
  });

  it.each([...PUBLIC, ...PUBLIC_6, '::ffff:8.8.8.8'])('%s is a public one', (address) => {
    expect(innerPlaceOf(address)).toBeUndefined();
  });

  it.each(['', 'localhost', '1.2.3', '0177.0.0.1', '1.2.3.4/8', ':::'])('%j is none', (text) => {
    expect(innerPlaceOf(text)).toBe('no address');
  });

  it('a private block is refused to its last address, and its neighbours are not', () => {
    const byte = fc.nat(255);
    const everyone = fc.tuple(byte, byte, byte, byte);
    const isInner = ([a, b]: readonly number[]): boolean =>
      a === 10 || a === 127 || (a === 192 && b === 168) || (a === 172 && (b ?? 0) >> 4 === 1);
    fc.assert(
      fc.property(
        everyone,
        (bytes) => !isInner(bytes) || innerPlaceOf(bytes.join('.')) !== undefined,
      ),
    );
    expect(innerPlaceOf('9.255.255.255')).toBeUndefined();
    expect(innerPlaceOf('11.0.0.0')).toBeUndefined();
    expect(innerPlaceOf('128.0.0.0')).toBeUndefined();
  });
});

describe('a URL', () => {
  it.each([
    ...['http://2130706433/', 'http://0x7f.1/', 'http://0177.0.0.1/', 'http://127.1/'],
    ...['http://１２７.０.０.１/', 'http://127。0。0。1/', 'http://127.0.0.1./', 'http://0/'],
    ...['http://localhost/', 'http://localhost./', 'http://LOCALHOST:4000/', 'http://a.localhost/'],
    ...['http://[::1]/', 'http://[::]/', 'http://[::ffff:127.0.0.1]/', 'http://[fd00::1]:80/'],
    ...[
      'http://169.254.169.254/latest/meta-data/',
      'https://user:pw@10.0.0.1/',
      'http://%31%30.1/',
    ],
    ...['ftp://93.184.215.14/', 'file:///etc/passwd', 'gopher://a/', 'data:text/plain,a'],
  ])('%s is refused before anything is looked up', (url) => {
    expect(isRefused(guardOf(), url)).toBe(true);
  });

  it.each(['http://93.184.215.14/', 'https://[2606:2800:21f:cb07::1]/', 'http://example.test/'])(
    '%s is not',
    (url) => {
      expect(isRefused(guardOf(), url)).toBe(false);
    },
  );

  it('says where it would have led, and how to allow it', () => {
    const verdict = guardOf().judgeUrl(new URL('http://10.1.2.3/'));
    expect(verdict).toMatchObject({ why: expect.stringContaining('10.0.0.0/8') as string });
    expect(verdict).toMatchObject({ why: expect.stringContaining('ORRERY_HTTP_ALLOW') as string });
  });
});

describe('what a name resolves to', () => {
  const admit = (guard: Guard, url: string, ...addresses: readonly string[]) =>
    guard.admit(new URL(url), addresses);

  it('is admitted address by address', () => {
    expect(admit(guardOf(), 'http://a.test/', '8.8.8.8', '127.0.0.1')).toEqual({
      kind: 'admitted',
      addresses: ['8.8.8.8'],
    });
    expect(admit(guardOf(), 'http://a.test/', '127.0.0.1', '::1').kind).toBe('refused');
    expect(admit(guardOf(), 'http://a.test/').kind).toBe('refused');
    expect(admit(guardOf(), 'http://a.test/', 'a.test').kind).toBe('refused');
  });

  it('reaches the socket through its lookup hook, in both of its forms', async () => {
    const answers = new Map([
      ['good.test', ['8.8.8.8', '10.0.0.1', '2606:4700::1']],
      ['bad.test', ['10.0.0.1']],
    ]);
    const ask = (host: string, all: boolean): Promise<unknown> =>
      new Promise((resolve) => {
        const known = async (name: string) =>
          answers.get(name) ?? Promise.reject(new Error('none'));
        const lookup = guardedLookup(guardOf(), new URL(`http://${host}/`), known);
        lookup(host, { all }, (error, ...found) => resolve(error ?? found));
      });
    expect(await ask('good.test', true)).toEqual([
      [
        { address: '8.8.8.8', family: 4 },
        { address: '2606:4700::1', family: 6 },
      ],
    ]);
    expect(await ask('good.test', false)).toEqual(['8.8.8.8', 4]);
    expect(await ask('bad.test', true)).toMatchObject({
      message: expect.stringMatching(/10\.0\.0\.0\/8/) as string,
    });
    expect(await ask('nobody.test', true)).toMatchObject({ message: 'none' });
    // Its meaning is fixed: the resolver is not asked, and could not make it another.
    expect(await ask('localhost', true)).toMatchObject({
      message: expect.stringMatching(/127\.0\.0\.0\/8/) as string,
    });
  });
});

describe('the allow-list', () => {
  it.each([
    ['127.0.0.1:4000', 'http://127.0.0.1:4000/', true],
    ['127.0.0.1:4000', 'http://127.1:4000/', true],
    ['127.0.0.1:4000', 'http://localhost:4000/', true],
    ['127.0.0.1:4000', 'http://[::ffff:127.0.0.1]:4000/', true],
    ['127.0.0.1:4000', 'http://127.0.0.1:4001/', false],
    ['127.0.0.1:4000', 'http://127.0.0.2:4000/', false],
    ['127.0.0.1:80', 'http://127.0.0.1/', true],
    ['127.0.0.1:80', 'https://127.0.0.1/', false],
    ['127.0.0.1:443', 'https://127.0.0.1/', true],
    ['10.0.0.0/8', 'http://10.200.0.1:9/', true],
    ['10.0.0.0/8', 'http://11.200.0.1/', true],
    ['10.0.0.0/8', 'http://192.168.0.1/', false],
    ['[::1]:4000', 'http://[::1]:4000/', true],
    ['[::1]:4000', 'http://[::1]:4001/', false],
    ['::1', 'http://[::1]:4001/', true],
    ['fd00::/8', 'http://[fd12::1]/', true],
    ['localhost:4000', 'http://localhost.:4000/', true],
    ['localhost:4000', 'http://127.0.0.1:4000/', false],
    ['127.0.0.1:4000', 'ftp://127.0.0.1:4000/', false],
  ])('%s: %s is admitted: %s', (allow, url, isAdmitted) => {
    expect(isRefused(guardOf(allow), url)).toBe(!isAdmitted);
  });

  it('a name is allowed wherever it leads, and no other that leads there', () => {
    const guard = guardOf('API.intern.:8080');
    const to = (url: string): string => guard.admit(new URL(url), ['10.0.0.1']).kind;
    expect(to('http://api.intern:8080/')).toBe('admitted');
    expect(to('http://api.intern.:8080/')).toBe('admitted');
    expect(to('http://api.intern/')).toBe('refused');
    expect(to('http://other.intern:8080/')).toBe('refused');
    expect(to('http://xapi.intern:8080/')).toBe('refused');
  });

  it.each([
    ...['', 'a b', 'http://a/', 'a:0', 'a:65536', 'a:b', '10.0.0.0/33', '10.0.0/8', '[::1', 'a/8'],
    ...['[a]', '::1/129', '10.0.0.0/8:80', '*', '1.2.3.4.5', 'a@b', '10.0.0.0/-1', '10.0.0.0/'],
  ])('%j is no entry', (text) => {
    expect(parseAllowed(text)).toBeUndefined();
  });
});
