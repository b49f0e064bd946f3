import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { loadSettings } from '#config';
import { seedDemo } from '#definitions';
import { type Reader, readInstallation } from '#postgres';
import { createGateway } from '../create-gateway.js';
import { GATEWAY_READER } from '../intake/hints.service.js';

export interface Answer {
  readonly data?: Readonly<Record<string, never>> | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly string[];
    readonly extensions: { readonly code: string; readonly [name: string]: unknown };
  }[];
}
export interface TestGateway {
  readonly app: NestFastifyApplication;
  readonly reader: Reader;
  /** The seeded key: everything, everywhere. */
  readonly key: string;
  ask(query: string, variables?: Readonly<Record<string, unknown>>, key?: string): Promise<Answer>;
  /** The answer's first field; it fails the test when there are errors. */
  get<T = Readonly<Record<string, never>>>(
    query: string,
    variables?: Readonly<Record<string, unknown>>,
    key?: string,
  ): Promise<T>;
  stop(): Promise<void>;
}

export interface TestGatewayOptions {
  /** Of the database itself, for what is seeded. */
  readonly url: string;
  /** Through which the gateway reaches it, where that is another way. */
  readonly databaseUrl?: string;
  readonly mqttUrl?: string;
  /** Variables, as an operator would set them. */
  readonly settings?: Readonly<Record<string, string>>;
}

const quiet = (): void => undefined;
export const silent = { debug: quiet, info: quiet, warn: quiet, error: quiet };
/** Nobody listens there: the gateway does without a broker. */
const NO_BROKER = 'mqtt://127.0.0.1:1';

export async function startTestGateway(options: TestGatewayOptions): Promise<TestGateway> {
  const { url } = options;
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery-gateway-'));
  const adminKeyFile = path.join(directory, 'admin.key');
  await seedDemo(url, { adminKeyFile });
  const key = fs.readFileSync(adminKeyFile, 'utf8').trim();
  const loaded = loadSettings({ ORRERY_ENV: 'dev', ...options.settings });
  if (!loaded.ok) throw new Error(loaded.problems.join('\n'));
  const app = await createGateway({
    settings: loaded.settings,
    databaseUrl: options.databaseUrl ?? url,
    mqttUrl: options.mqttUrl ?? NO_BROKER,
    log: silent,
    installation: await readInstallation(url),
  });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  const ask: TestGateway['ask'] = async (query, variables = {}, as = key) => {
    const response = await app.inject({
      method: 'POST',
      url: '/graphql',
      headers: { authorization: `Bearer ${as}`, 'content-type': 'application/json' },
      payload: JSON.stringify({ query, variables }),
    });
    return JSON.parse(response.payload) as Answer;
  };
  return {
    app,
    key,
    reader: app.get<Reader>(GATEWAY_READER),
    ask,
    async get<T>(query: string, variables = {}, as = key) {
      const answer = await ask(query, variables, as);
      if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors, null, 1));
      return Object.values(answer.data ?? {})[0] as T;
    },
    async stop() {
      await app.close();
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}

export const freshName = (stem: string): string => `${stem}-${randomUUID().slice(0, 8)}`;
