import { describe, expect, test } from 'vitest';
import { KEEPALIVE_S } from '#mqtt';
import { KEEPALIVE_MS } from './broker.js';
import { embedded, mosquitto, whyNoMosquitto } from './testkit/real.js';
import { simulated } from './testkit/simulated.js';
import { Scene, birthOf, deathOf, heardAs, presenceOf } from './testkit/world.js';

/** Beside the model there is no broker in memory but aedes: what is tested without one has none. */
const BROKERS = [
  { name: 'the model', open: simulated, why: undefined },
  { name: 'aedes with its watchdog', open: embedded, why: undefined },
  { name: 'mosquitto', open: mosquitto, why: whyNoMosquitto },
];
const MIB = 1024 * 1024;
/** What a server adds to one and a half keep-alives: mosquitto looks every five seconds. */
const LOOK_MS = 7_000;
const BOUND_MS = 30_000;

test('the model knows the keep-alive of our clients', () => {
  expect(KEEPALIVE_MS).toBe(KEEPALIVE_S * 1_000);
});

for (const { name, open, why } of BROKERS) {
  const title = why === undefined ? name : `${name} (${why})`;
  describe.runIf(why === undefined)(title, { concurrent: true, timeout: BOUND_MS }, () => {
    const behaves = (what: string, so: (scene: Scene) => Promise<void>): void => {
      test(what, async () => {
        const scene = await Scene.open(await open());
        try {
          await so(scene);
        } finally {
          await scene.world.stop();
        }
      });
    };

    behaves(
      'who comes hears the last retained word of each topic, and what is said from then on',
      async (scene) => {
        const { world, witness } = scene;
        const member = await world.join({ id: 'a' });
        for (const word of ['1', '2', '3']) member.publish('t/level', word, true);
        member.publish('t/other', 'x', true);
        member.publish('t/plain', 'not retained');
        await scene.has(witness, 't/level 3', 't/other x', 't/plain not retained');
        const late = await world.join({ id: 'late', filters: ['t/+', 'end/late'] });
        await scene.has(late, 't/level 3', 't/other x');
        member.publish('t/level', '4', true);
        await scene.has(late, 't/level 4');
        expect(scene.heardBy(late).toSorted()).toEqual(['t/level 3', 't/level 4', 't/other x']);
      },
    );

    behaves('a retained word of no bytes clears the topic', async (scene) => {
      const { world, witness } = scene;
      const member = await world.join({ id: 'a' });
      member.publish('t/level', '1', true);
      await scene.has(witness, 't/level 1');
      member.publish('t/level', '', true);
      await scene.has(witness, 't/level ');
      expect(await scene.latecomer('late', 't/+')).toEqual([]);
    });

    behaves('a lost connection: its last will takes the place of its birth', async (scene) => {
      const { world, witness } = scene;
      const member = await world.join({ id: 'a' });
      await scene.has(witness, birthOf(member));
      const { session } = member;
      member.cut();
      await scene.has(witness, deathOf('a', session));
      expect(await scene.latecomer('late', presenceOf('a'))).toEqual([deathOf('a', session)]);
      member.heal();
      await world.until(() => member.isUp && member.session !== session);
      await scene.has(witness, birthOf(member));
    });

    behaves('a clean end: what was said before it is heard, and no last will', async (scene) => {
      const { world, witness } = scene;
      const member = await world.join({ id: 'a' });
      const birth = birthOf(member);
      for (let i = 0; i < 50; i++) member.publish('t/last', String(i));
      await member.leave();
      await scene.has(witness, birth, 't/last 49');
      await world.arrived(witness);
      expect(witness.heard.filter((word) => word.includes('death'))).toEqual([]);
      expect(await scene.latecomer('late', 'presence/a')).toEqual([birth]);
    });

    behaves(
      'who comes by the id of another takes its place: the will of the other is said',
      async (scene) => {
        const { world, witness } = scene;
        const first = await world.join({ id: 'a' });
        await scene.has(witness, birthOf(first));
        const { session } = first;
        first.mute('both');
        const second = await world.join({ id: 'a', filters: [presenceOf('a'), 'end/a'] });
        const asked = world.now();
        await scene.has(witness, birthOf(second), deathOf('a', session));
        expect(world.now() - asked).toBeLessThan(world.keepaliveMs);
        // A level: where the will stands over its birth, it has heard so and says it again.
        const [standing] = await scene.latecomer('late', presenceOf('a'));
        if (standing !== birthOf(second)) expect(second.heard).toContain(deathOf('a', session));
        expect([birthOf(second), deathOf('a', session)]).toContain(standing);
      },
    );

    behaves(
      'the will of an older session comes late, over the birth of the newer',
      async (scene) => {
        const { world, witness } = scene;
        const first = await world.join({ id: 'a' });
        const { session } = first;
        first.mute('both');
        const since = world.now();
        const second = await world.join({ id: 'b', filters: [presenceOf('a')] });
        second.publish(presenceOf('a'), 'birth of the newer', true);
        await scene.has(witness, `${presenceOf('a')} birth of the newer`);
        expect(witness.heard).not.toContain(deathOf('a', session));
        await scene.has(second, deathOf('a', session));
        const took = world.now() - since;
        // It had spoken within its keep-alive: no broker misses it sooner.
        expect(took).toBeGreaterThan(world.keepaliveMs * 0.4);
        expect(took).toBeLessThan(1.5 * world.keepaliveMs + LOOK_MS);
        second.publish(presenceOf('a'), 'birth once more', true);
        await scene.has(witness, `${presenceOf('a')} birth once more`);
        expect(await scene.latecomer('late', presenceOf('a'))).toEqual([
          `${presenceOf('a')} birth once more`,
        ]);
      },
    );

    behaves('words of one topic are heard in their order, each once', async (scene) => {
      const { world, witness } = scene;
      const member = await world.join({ id: 'a' });
      const words = Array.from({ length: 300 }, (_, i) => String(i));
      for (const word of words) {
        member.publish('t/1', word);
        member.publish('t/2', word);
      }
      await scene.has(witness, 't/1 299', 't/2 299');
      for (const topic of ['t/1', 't/2']) {
        const of = scene.heardBy(witness).filter((word) => word.startsWith(topic));
        expect(of).toEqual(words.map((word) => `${topic} ${word}`));
      }
    });

    behaves('who was away has missed what was said, but for what is retained', async (scene) => {
      const { world, witness } = scene;
      const member = await world.join({ id: 'a', filters: ['t/+', 'end/a'] });
      const { session } = member;
      member.cut();
      await scene.has(witness, deathOf('a', session));
      witness.publish('t/plain', 'missed');
      witness.publish('t/level', 'kept', true);
      await scene.has(witness, 't/plain missed', 't/level kept');
      member.heal();
      await scene.has(member, 't/level kept');
      witness.publish('t/plain', 'said again');
      await scene.has(member, 't/plain said again');
      await world.arrived(member);
      expect(scene.heardBy(member)).toEqual(['t/level kept', 't/plain said again']);
    });

    behaves('a + is one level, no more and no less; who speaks hears itself', async (scene) => {
      const { world } = scene;
      const member = await world.join({ id: 'a', filters: ['s/+/in', 'end/a'] });
      for (const topic of ['s/in', 's/1/2/in', 's/1/in/2', 's/1/in']) member.publish(topic, 'x');
      await scene.has(member, 's/1/in x');
      await world.arrived(member);
      expect(scene.heardBy(member)).toEqual(['s/1/in x']);
    });

    behaves('a topic that two filters of one client match is heard', async (scene) => {
      const { world, witness } = scene;
      const filters = [presenceOf('a'), 'presence/+', 'end/a'];
      const member = await world.join({ id: 'a', filters });
      await scene.has(member, birthOf(member), birthOf(witness));
    });

    behaves(
      'without a broker a publisher is told so, and nothing is kept for later',
      async (scene) => {
        const { world, witness } = scene;
        await world.crash();
        await world.until(() => !witness.isUp);
        expect(witness.publish('t/1', 'lost')).toBe(false);
        expect(witness.publish('t/1', 'lost too', true)).toBe(false);
        await world.start();
        await world.until(() => witness.isUp);
        await world.arrived(witness);
        expect(witness.publish('t/1', 'heard')).toBe(true);
        await scene.has(witness, 't/1 heard');
        expect(witness.heard.filter((word) => word.startsWith('t/'))).toEqual(['t/1 heard']);
      },
    );

    behaves(
      'a broker that was killed says no last wills, and all are born again',
      async (scene) => {
        const { world, witness } = scene;
        const member = await world.join({ id: 'a' });
        const [mine, its] = [witness.session, member.session];
        member.publish('t/level', 'whoever relies on it is wrong', true);
        await scene.has(witness, 't/level whoever relies on it is wrong');
        await world.crash();
        await world.until(() => !witness.isUp && !member.isUp);
        await world.start();
        await world.until(() => member.isUp && witness.isUp);
        expect([witness.session === mine, member.session === its]).toEqual([false, false]);
        await scene.has(witness, birthOf(witness), birthOf(member));
        expect(witness.heard.filter((word) => word.includes('death'))).toEqual([]);
        const there = await scene.latecomer('late', 'presence/+', 't/+');
        expect(there).toEqual(expect.arrayContaining([birthOf(witness), birthOf(member)]));
        // It is in nobody's memory but the broker's.
        expect(there.filter((word) => word.startsWith('t/'))).toEqual([]);
      },
    );

    behaves(
      'a mebibyte passes whole; what is larger is refused, and the connection stands',
      async (scene) => {
        const { world, witness } = scene;
        const member = await world.join({ id: 'a' });
        const { session } = member;
        expect(member.publish('t/large', 'x'.repeat(MIB + 1))).toBe(false);
        expect(member.publish('t/large', 'y'.repeat(MIB))).toBe(true);
        await scene.has(witness, heardAs('t/large', 'y'.repeat(MIB)));
        expect([member.isUp, member.session]).toEqual([true, session]);
      },
    );

    behaves('who takes nothing harms nobody else', async (scene) => {
      const { world, witness } = scene;
      const stuck = await world.join({ id: 'stuck', filters: ['t/+'] });
      const member = await world.join({ id: 'a' });
      stuck.mute('to');
      const words = Array.from({ length: 12 }, (_, i) => String(i));
      for (const word of words) {
        await world.until(() => member.publish('t/flood', word.padEnd(MIB)));
        member.publish('t/small', word);
      }
      await scene.has(witness, 't/small 11');
      const small = witness.heard.filter((word) => word.startsWith('t/small'));
      expect(small).toEqual(words.map((word) => `t/small ${word}`));
      const large = witness.heard.filter((word) => word.startsWith('t/flood'));
      expect(large).toHaveLength(words.length);
    });
  });
}
