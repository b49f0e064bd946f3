import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadSettings } from './load.js';
import type { Variables } from './load.js';
import type { Settings } from './settings.js';

function settingsOf(env: Variables): Settings {
  const loaded = loadSettings(env);
  if (!loaded.ok) throw new Error(loaded.problems.join('\n'));
  return loaded.settings;
}

function problemsOf(env: Variables): readonly string[] {
  const loaded = loadSettings(env);
  return loaded.ok ? [] : loaded.problems;
}

describe('loadSettings', () => {
  it('has a default for everything', () => {
    const { schedulerThreads, ...rest } = settingsOf({});
    expect(rest).toEqual({
      home: '.orrery',
      host: '127.0.0.1',
      port: 4000,
      databaseUrl: undefined,
      mqttUrl: undefined,
      cluster: 'main',
      partitions: undefined,
      schedulerName: 'scheduler-1',
      executorId: 'executor-1',
      executorDirectory: undefined,
      executorPool: 'default',
      executorSlots: 10,
      executorDrainMs: 2_000,
      executorLabels: {},
      httpAllow: [],
      logLevel: 'info',
      logFormat: 'json',
      apiUrl: undefined,
      apiKey: undefined,
      environment: 'production',
      rateLimit: 0,
      subscriptionsMax: 1_000,
      silentAfterMs: 15_000,
      massLossAfterMs: 60_000,
      beatMs: 5_000,
    });
    expect(schedulerThreads).toBeGreaterThanOrEqual(1);
    expect(schedulerThreads).toBeLessThanOrEqual(8);
  });

  it('reads every variable', () => {
    const settings = settingsOf({
      DATABASE_URL: 'postgres://someone:secret@db/orrery',
      MQTT_URL: 'mqtts://broker:8883',
      ORRERY_PORT: '0',
      ORRERY_EXECUTOR_LABELS: 'region=eu, gpu=none',
      ORRERY_HTTP_ALLOW: 'a.intern, 127.0.0.1:80,[::1]:80,10.0.0.0/8',
      ORRERY_SCHEDULER_THREADS: '3',
      ORRERY_BEAT: '250ms',
      ORRERY_ENV: 'dev',
    });
    expect(settings).toMatchObject({
      databaseUrl: 'postgres://someone:secret@db/orrery',
      mqttUrl: 'mqtts://broker:8883',
      port: 0,
      executorLabels: { region: 'eu', gpu: 'none' },
      httpAllow: ['a.intern', '127.0.0.1:80', '[::1]:80', '10.0.0.0/8'],
      schedulerThreads: 3,
      beatMs: 250,
      environment: 'dev',
    });
    expect(Object.isFrozen(settings)).toBe(true);
  });

  it('takes an empty variable as unset', () => {
    expect(settingsOf({ ORRERY_PORT: '', DATABASE_URL: '  ' })).toEqual(settingsOf({}));
  });

  it('reports all problems at once, with the value and what was expected', () => {
    expect(
      problemsOf({ ORRERY_PORT: '70000', ORRERY_CLUSTER: 'Main', ORRERY_LOG_LEVEL: 'loud' }),
    ).toEqual([
      'ORRERY_PORT: "70000" is not a whole number from 0 to 65535',
      'ORRERY_CLUSTER: "Main" is not 1 to 40 of a-z, 0-9 and -',
      'ORRERY_LOG_LEVEL: "loud" is not one of debug, info, warn, error',
    ]);
  });

  it.each([
    ['ORRERY_PORT', '-1'],
    ['ORRERY_PORT', '4e3'],
    ['ORRERY_PARTITIONS', '0'],
    ['ORRERY_PARTITIONS', '4097'],
    ['ORRERY_EXECUTOR_ID', 'a/b'],
    ['ORRERY_EXECUTOR_ID', '#'],
    ['ORRERY_EXECUTOR_LABELS', 'a'],
    ['ORRERY_EXECUTOR_LABELS', 'a=1,a=2'],
    ['ORRERY_EXECUTOR_LABELS', 'a=1=2'],
    ['ORRERY_HTTP_ALLOW', 'a b'],
    ['ORRERY_HTTP_ALLOW', 'http://a?b'],
    ['ORRERY_HTTP_ALLOW', 'a,,b'],
    ['ORRERY_BEAT', '5'],
    ['ORRERY_API_URL', 'ftp://host'],
    ['DATABASE_URL', 'mysql://host/db'],
  ])('refuses %s=%s', (variable, value) => {
    const problems = problemsOf({ [variable]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(variable);
  });

  it('never shows the value of a secret', () => {
    const problems = problemsOf({ DATABASE_URL: 'mysql://a:hunter2@b', ORRERY_API_KEY: 'x y2z' });
    expect(problems).toHaveLength(2);
    expect(problems.join()).not.toMatch(/hunter2|x y2z/);
  });

  it('names the nearest known variable for an unknown one', () => {
    expect(problemsOf({ ORRERY_PROT: '1', ORRERY_BANANAS_AND_MORE: '1', PATH: '/bin' })).toEqual([
      'ORRERY_BANANAS_AND_MORE is not a setting; see docs/settings.md',
      'ORRERY_PROT is not a setting; did you mean ORRERY_PORT?',
    ]);
  });

  it('refuses a beat that is not shorter than the silence', () => {
    const problems = problemsOf({ ORRERY_BEAT: '15s', ORRERY_SILENT_AFTER: '15s' });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('must be shorter than');
  });

  it('never throws, whatever the environment holds', () => {
    const variable = fc.constantFrom(
      'ORRERY_PORT',
      'ORRERY_EXECUTOR_LABELS',
      'MQTT_URL',
      'ORRERY_X',
    );
    fc.assert(
      fc.property(fc.dictionary(variable, fc.string()), (env) => {
        expect(typeof loadSettings(env).ok).toBe('boolean');
      }),
    );
  });
});
