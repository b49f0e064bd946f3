import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf, DevProblem, messageOf } from './problem.js';

const POLL_MS = 50;
const REACH_BOUND_MS = 5_000;
const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  'postgres:': 5432,
  'postgresql:': 5432,
  'mqtt:': 1883,
  'mqtts:': 8883,
  'ws:': 80,
  'wss:': 443,
};

/** The port, or a free one for 0. Rejects with the system's error. */
export function probePort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once('error', reject);
    probe.listen({ host, port, exclusive: true }, () => {
      const address = probe.address();
      const found = typeof address === 'object' && address ? address.port : port;
      probe.close(() => resolve(found));
    });
  });
}

export async function isFree(host: string, port: number): Promise<boolean> {
  try {
    await probePort(host, port);
    return true;
  } catch {
    return false;
  }
}

/** The gateway's port; with patience where children of a killed supervisor may still hold it. */
export async function claimGatewayPort(
  host: string,
  port: number,
  patienceMs: number,
): Promise<number> {
  const end = performance.now() + patienceMs;
  for (;;) {
    try {
      return await probePort(host, port);
    } catch (error) {
      if (performance.now() < end) {
        await delay(POLL_MS);
        continue;
      }
      const code = codeOf(error) ?? messageOf(error);
      const advice =
        code === 'EADDRINUSE'
          ? 'stop the program that holds it, or set ORRERY_PORT to another one (0 picks a free one)'
          : 'set ORRERY_HOST and ORRERY_PORT to an address of this machine';
      throw new DevProblem(`Port ${port} on ${host} cannot be taken (${code}): ${advice}.`);
    }
  }
}

/** `host:port` of a server that listens on `host`, as this machine itself reaches it. */
export function placeOf(host: string, port: number): string {
  if (host === '0.0.0.0') return `127.0.0.1:${port}`;
  if (host === '::') return `[::1]:${port}`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether somebody listens at the URL of a server that is not ours; else one sentence. */
export async function reach(url: string, variable: string): Promise<void> {
  const { protocol, hostname, port: given, searchParams } = new URL(url);
  const host = decodeURIComponent(searchParams.get('host') ?? hostname).replace(/^\[|\]$/g, '');
  if (host.startsWith('/')) return; // a socket in a folder: whoever connects will say
  const port = given === '' ? (DEFAULT_PORTS[protocol] ?? 0) : Number(given);
  const failure = await new Promise<string | undefined>((resolve) => {
    const socket = net.connect({ host: host === '' ? 'localhost' : host, port });
    const done = (outcome: string | undefined): void => {
      clearTimeout(bound);
      socket.destroy();
      resolve(outcome);
    };
    const bound = setTimeout(done, REACH_BOUND_MS, 'no answer within 5 s');
    socket.once('connect', () => done(undefined));
    socket.once('error', (error) => done(codeOf(error) ?? error.message));
  });
  if (failure === undefined) return;
  throw new DevProblem(
    `Nothing can be reached at ${host}:${port} of ${variable} (${failure}): ` +
      `start that server, correct ${variable}, or unset it to use the embedded one.`,
  );
}
