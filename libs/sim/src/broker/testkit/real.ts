import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { until } from '#actor';
import { createBroker } from '#broker';
import { type Mqtt, createMqtt } from '#mqtt';
import { Link } from '../../../../../test/support/link.js';
import { type BrokerWorld, type Guest, type Member, heardAs, presenceOf } from './world.js';

/** MQTT counts in whole seconds: the shortest that there is. */
const KEEPALIVE_S = 1;
const BOUND_MS = 12_000;
/** That a port that was free is taken by now is chance. */
const TRIES = 5;
const HOST = '127.0.0.1';
const quiet = (): void => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };

interface Server {
  readonly port: number;
  crash(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Orrery's own client on a way of its own, which can be cut. */
class RealMember implements Member {
  readonly heard: string[] = [];
  readonly id: string;
  session = '';
  readonly mqtt: Mqtt;

  constructor(
    { id, filters = [] }: Guest,
    private readonly link: Link,
    port: number,
  ) {
    this.id = id;
    this.mqtt = createMqtt({
      url: `mqtt://${HOST}:${port}`,
      clientId: id,
      keepaliveS: KEEPALIVE_S,
      log,
      will: (session) => ({
        topic: presenceOf(id),
        payload: Buffer.from(`death ${session}`),
        retain: true,
      }),
      onConnect: (session) => {
        this.session = session;
        this.mqtt.publish(presenceOf(id), `birth ${session}`, { qos: 1, retain: true });
      },
    });
    for (const filter of filters) {
      this.mqtt.subscribe(filter, (topic, payload) => {
        this.heard.push(heardAs(topic, payload.toString()));
      });
    }
  }

  get isUp(): boolean {
    return this.mqtt.up;
  }

  publish(topic: string, word: string, retain = false): boolean {
    return this.mqtt.publish(topic, word, { qos: retain ? 1 : 0, retain });
  }

  async leave(): Promise<void> {
    await this.mqtt.stop();
  }

  cut(): void {
    this.link.close();
  }

  mute(way: 'to' | 'both'): void {
    this.link.stall(way === 'to' ? 'down' : way);
  }

  heal(): void {
    this.link.open();
    this.link.flow();
  }

  async end(): Promise<void> {
    await Promise.all([this.mqtt.stop(), this.link.stop()]);
  }
}

function worldOf(server: Server): BrokerWorld {
  const members: RealMember[] = [];
  const wait = (condition: () => boolean): Promise<void> => until(condition, BOUND_MS);
  return {
    keepaliveMs: KEEPALIVE_S * 1_000,
    now: () => performance.now(),
    until: wait,
    async arrived(member) {
      const end = heardAs(`end/${member.id}`, 'now');
      const count = (): number => member.heard.filter((word) => word === end).length;
      const before = count();
      member.publish(`end/${member.id}`, 'now');
      await wait(() => count() > before);
    },
    async join(guest) {
      const link = new Link(() => server.port);
      const member = new RealMember(guest, link, await link.start());
      members.push(member);
      await member.mqtt.start();
      await wait(() => member.isUp);
      return member;
    },
    crash: () => server.crash(),
    start: () => server.start(),
    async stop() {
      try {
        await Promise.all(members.map((member) => member.end()));
      } finally {
        await server.stop();
      }
    },
  };
}

/** As the role `broker` has it, but in this process. */
export async function embedded(): Promise<BrokerWorld> {
  const broker = createBroker({ log });
  const { port } = await broker.start();
  const stop = (): Promise<void> => broker.stop();
  const start = async (): Promise<void> => void (await broker.start());
  return worldOf({ port, crash: stop, start, stop });
}

const PROGRAM = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto', 'mosquitto'].find(
  (program) => spawnSync(program, ['-h']).error === undefined,
);
/** Undefined: it is here. */
export const whyNoMosquitto =
  PROGRAM === undefined ? 'mosquitto is not installed: apt-get install mosquitto' : undefined;

export async function mosquitto(): Promise<BrokerWorld> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery-mosquitto-'));
  // As root it becomes somebody else, who must be able to read this.
  fs.chmodSync(directory, 0o755);
  const file = path.join(directory, 'mosquitto.conf');
  let port = 0;
  let child: ChildProcess | undefined;
  for (let tries = 0; child === undefined && tries < TRIES; tries++) {
    port = await freePort();
    fs.writeFileSync(file, `listener ${port} ${HOST}\nallow_anonymous true\npersistence false\n`);
    child = await run(file);
  }
  const crash = async (): Promise<void> => {
    if (child === undefined) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    child = undefined;
    await gone;
  };
  const start = async (): Promise<void> => {
    child = await run(file);
    if (child === undefined) throw new Error(`mosquitto does not come back at port ${port}`);
  };
  const stop = async (): Promise<void> => {
    await crash();
    fs.rmSync(directory, { recursive: true, force: true });
  };
  return worldOf({ port, crash, start, stop });
}

/** Undefined: it has ended, for the port has become another's meanwhile. */
async function run(file: string): Promise<ChildProcess | undefined> {
  const child = spawn(PROGRAM ?? '', ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  await until(() => child.exitCode !== null || said.includes(' running'), BOUND_MS);
  return child.exitCode === null ? child : undefined;
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
