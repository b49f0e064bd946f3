import { Link } from './link.js';

export { onWire } from './link.js';
export type CuttingProxy = Link;

/** As libs/thread and libs/postgres still ask for a `Link` to their database, on this machine. */
export async function startProxy(target: { host: string; port: number }): Promise<Link> {
  const link = new Link(() => target.port);
  await link.start();
  return link;
}
