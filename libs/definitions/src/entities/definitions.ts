import { DataSource, type EntityManager } from 'typeorm';
import { ApiKeyEntity } from './api-key.entity.js';
import { JobEntity, JobVersionEntity } from './job.entity.js';
import { ProjectEntity } from './project.entity.js';

const STATEMENT_DEADLINE_MS = 5_000;
const CONNECTIONS = 4;

export interface DefinitionsOptions {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly name: string;
}

/**
 * Projects, jobs, versions and keys: what people define. Rows are seen and written under row-level
 * security, with the projects of the transaction set in it and nowhere else.
 */
export class Definitions {
  private readonly source: DataSource;

  constructor(options: DefinitionsOptions) {
    const settings = ['search_path=orrery', 'role=orrery_gateway_define', 'timezone=UTC'];
    // Without a value of its own the setting reads '' after a transaction, which is no array.
    settings.push('orrery.projects={}', `statement_timeout=${STATEMENT_DEADLINE_MS}`);
    this.source = new DataSource({
      type: 'postgres',
      url: options.url,
      entities: [ProjectEntity, JobEntity, JobVersionEntity, ApiKeyEntity],
      synchronize: false,
      installExtensions: false,
      logging: false,
      poolSize: CONNECTIONS,
      applicationName: options.name,
      connectTimeoutMS: STATEMENT_DEADLINE_MS,
      poolErrorHandler: () => undefined, // the next statement connects anew or says what is wrong
      extra: {
        options: settings.map((setting) => `-c ${setting}`).join(' '),
        query_timeout: STATEMENT_DEADLINE_MS + 1_000,
        keepAlive: true,
      },
    });
  }

  async start(): Promise<void> {
    if (!this.source.isInitialized) await this.source.initialize();
  }

  async stop(): Promise<void> {
    if (this.source.isInitialized) await this.source.destroy();
  }

  /** For keys, which belong to no project. */
  get manager(): EntityManager {
    return this.source.manager;
  }

  /** One transaction that sees these projects. */
  async within<T>(
    projects: readonly string[],
    work: (manager: EntityManager) => Promise<T>,
  ): Promise<T> {
    return await this.source.transaction(async (manager) => {
      await manager.query("select set_config('orrery.projects', $1, true)", [
        `{${projects.join(',')}}`,
      ]);
      return await work(manager);
    });
  }
}
