export interface Guest {
  readonly id: string;
  readonly filters?: readonly string[];
}

/** Who comes back by itself, with a birth and a last will on `presence/ID`, as all of Orrery do. */
export interface Member {
  readonly id: string;
  /** `TOPIC WORD`, or `TOPIC (BYTES)` of what is long; the oldest first. */
  readonly heard: readonly string[];
  readonly isUp: boolean;
  /** A new one for each connection. */
  readonly session: string;
  publish(topic: string, word: string, retain?: boolean): boolean;
  /** A clean end. */
  leave(): Promise<void>;
  /** Its connection is reset, and it finds nobody until `heal`. */
  cut(): void;
  /** Nothing comes through to it, or neither way, and nobody is told; until `heal`. */
  mute(way: 'to' | 'both'): void;
  heal(): void;
}

export interface BrokerWorld {
  readonly keepaliveMs: number;
  now(): number;
  until(condition: () => boolean): Promise<void>;
  /** All that was on its way to it has come: it hears `end/ID` for that. */
  arrived(member: Member): Promise<void>;
  /** Comes, and is there when it resolves. */
  join(guest: Guest): Promise<Member>;
  /** As by SIGKILL. */
  crash(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const LONG = 200;
export const heardAs = (topic: string, word: string): string =>
  `${topic} ${word.length > LONG ? `(${word.length})` : word}`;
export const presenceOf = (id: string): string => `presence/${id}`;
export const birthOf = ({ id, session }: Pick<Member, 'id' | 'session'>): string =>
  `${presenceOf(id)} birth ${session}`;
export const deathOf = (id: string, session: string): string =>
  `${presenceOf(id)} death ${session}`;

/** A broker with somebody who hears all, and what is asked of whoever is there. */
export class Scene {
  private constructor(
    readonly world: BrokerWorld,
    readonly witness: Member,
  ) {}

  static async open(world: BrokerWorld): Promise<Scene> {
    const filters = ['presence/+', 't/+', 'end/+'];
    const scene = new Scene(world, await world.join({ id: 'w', filters }));
    await scene.has(scene.witness, birthOf(scene.witness));
    return scene;
  }

  async has(member: Member, ...words: readonly string[]): Promise<void> {
    await this.world.until(() => words.every((word) => member.heard.includes(word)));
  }

  /** Who comes now: all that it is told at once. What is retained comes by the order of filters. */
  async latecomer(id: string, ...filters: readonly string[]): Promise<readonly string[]> {
    const end = `end/${id}`;
    this.witness.publish(end, 'retained', true);
    await this.has(this.witness, heardAs(end, 'retained'));
    const late = await this.world.join({ id, filters: [...filters, end] });
    await this.has(late, heardAs(end, 'retained'));
    await this.world.arrived(late);
    return this.heardBy(late);
  }

  heardBy(member: Member): readonly string[] {
    return member.heard.filter((word) => !word.startsWith('end/'));
  }
}
