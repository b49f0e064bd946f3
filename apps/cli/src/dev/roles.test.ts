import { expect, it } from 'vitest';
import { loadSettings } from '#config';
import type { Home } from './home.js';
import { DIST_ENTRIES, type Wiring, appSpecs, gatewayPlaceOf } from './roles.js';

function wiringOf(environment: Readonly<Record<string, string>>, gateway: number): Wiring {
  const loaded = loadSettings(environment);
  if (!loaded.ok) throw new Error(loaded.problems.join());
  const home = { path: '/home', at: (...names) => ['/home', ...names].join('/') } as Home;
  return {
    ...{ settings: loaded.settings, environment, entries: DIST_ENTRIES, home },
    ...{ ports: () => ({ gateway }), databaseUrl: () => 'd', mqttUrl: () => 'm' },
  };
}

it.each([
  ['127.0.0.1', '127.0.0.1:4007'],
  ['0.0.0.0', '127.0.0.1:4007'],
  ['::', '[::1]:4007'],
  ['::1', '[::1]:4007'],
  ['box.intern', 'box.intern:4007'],
])('a gateway on %s is asked at %s', (ORRERY_HOST, place) => {
  expect(gatewayPlaceOf(wiringOf({ ORRERY_HOST }, 4_007))).toBe(place);
});

it('executors may ask the gateway, and what the settings allow', () => {
  const wiring = wiringOf({ ORRERY_HTTP_ALLOW: '10.0.0.0/8' }, 4_007);
  const specs = appSpecs(wiring, { schedulers: 1, executors: 2 });
  const allowed = specs
    .filter(({ role }) => role === 'executor')
    .map(({ variables }) => variables()['ORRERY_HTTP_ALLOW']);
  expect(allowed).toEqual(['10.0.0.0/8,127.0.0.1:4007', '10.0.0.0/8,127.0.0.1:4007']);
});

it('several schedulers share the cores, unless their threads are said', () => {
  const threadsOf = (environment: Readonly<Record<string, string>>, cores: number): unknown[] => {
    const wiring = wiringOf(environment, 4_007);
    const settings = { ...wiring.settings, schedulerThreads: cores };
    return appSpecs({ ...wiring, settings }, { schedulers: 3, executors: 1 })
      .filter(({ role }) => role === 'scheduler')
      .map(({ variables }) => variables()['ORRERY_SCHEDULER_THREADS']);
  };
  expect(threadsOf({}, 8)).toEqual(['2', '2', '2']);
  expect(threadsOf({}, 2)).toEqual(['1', '1', '1']);
  expect(threadsOf({ ORRERY_SCHEDULER_THREADS: '2' }, 2)).toEqual(['2', '2', '2']);
});
