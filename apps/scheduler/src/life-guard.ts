import { randomBytes } from 'node:crypto';
import { type Observable, ReplaySubject, filter, firstValueFrom, map, race, timer } from 'rxjs';
import { type Message, type Mqtt, createMqtt } from '#mqtt';
import { decodeSchedulerPresence, lastLevel, topicsOf } from '#protocol';
import type { Logger } from '#telemetry';

/** A scheduler starts without a broker as well: it waits for none. */
const BROKER_MS = 3_000;
/** Who lives says its birth again within a second when somebody writes over it; or a busy while. */
const ANSWER_MS = 5_000;
const NOTHING = Buffer.alloc(0);

export interface LifeGuardOptions {
  readonly mqttUrl: string;
  readonly cluster: string;
  /** Of our installation. */
  readonly life: string;
  /** Its name is ours alone. */
  readonly scheduler: string;
  readonly log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
}

interface Other {
  readonly topic: string;
  readonly life: string;
}

const UNHEARD = 'no broker answers: another installation may use it under our name';

/**
 * Two installations of one name at one broker would each speak to the other's executors. Throws, in
 * words, when a scheduler of another life is there and lives: a birth alone may have been left.
 */
export async function refuseOtherLife(options: LifeGuardOptions): Promise<void> {
  const { mqttUrl, cluster, life, scheduler, log } = options;
  const topics = topicsOf(cluster);
  const id = `start-${randomBytes(8).toString('hex')}`;
  // Left behind if we are killed before the end, and used again by our next start.
  const mark = topics.threadIn(`start-${scheduler}`);
  const client = (): Mqtt => createMqtt({ url: mqttUrl, clientId: `orrery-${id}`, log });
  if (!(await leave(client(), mark, id))) {
    log.warn(UNHEARD);
    return;
  }
  const mqtt = client();
  const left = new Set<string>();
  const lives = new ReplaySubject<Other>(1);
  mqtt.subscribe(topics.schedulerPresence('+'), (topic, payload, isRetained) => {
    const presence = decodeSchedulerPresence(payload);
    if (presence?.state !== 'birth' || presence.life === life) return;
    left.add(topic);
    if (!isRetained) lives.next({ topic, life: presence.life });
  });
  const isOurs = ({ payload }: Message): boolean => payload.toString() === id;
  const marked = within(mqtt.messages$(mark).pipe(filter(isOurs)), BROKER_MS);
  // What is retained may come before the answer to our subscription, and until that we are dumb.
  const up = within(mqtt.up$.pipe(filter(Boolean)), BROKER_MS);
  try {
    await mqtt.start();
    if ((await marked) === undefined) log.warn(UNHEARD);
    if (left.size === 0) return;
    await up;
    const said = await Promise.all([...left].map((topic) => mqtt.publishAcked(topic, NOTHING)));
    if (said.includes(false)) log.warn(UNHEARD);
    const other = await within(lives, ANSWER_MS);
    if (other !== undefined) throw new Error(refusal(options, other));
  } finally {
    await mqtt.publishAcked(mark, NOTHING, true);
    await mqtt.stop();
  }
}

/**
 * A retained word of ours: what is retained is given in the order of the filters, but nothing says
 * so of it and of what is said now.
 */
async function leave(mqtt: Mqtt, mark: string, id: string): Promise<boolean> {
  try {
    await mqtt.start();
    const isUp = await within(mqtt.up$.pipe(filter(Boolean)), BROKER_MS);
    return isUp === true && (await mqtt.publishAcked(mark, Buffer.from(id), true));
  } finally {
    await mqtt.stop();
  }
}

/** Its first, or undefined when there is none in time. */
const within = <T>(of$: Observable<T>, ms: number): Promise<T | undefined> =>
  firstValueFrom(race(of$, timer(ms).pipe(map(() => undefined))));

function refusal({ mqttUrl, cluster, life }: LifeGuardOptions, other: Other): string {
  return (
    `at the broker ${new URL(mqttUrl).host} the scheduler ${lastLevel(other.topic)} of another ` +
    `installation (life ${other.life}) works under the name of the cluster ${cluster}, and this ` +
    `process is of the installation with the life ${life}: give one of them another broker, or ` +
    'install it under another name (ORRERY_CLUSTER)'
  );
}
