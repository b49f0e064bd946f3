import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

@Entity({ name: 'api_key', schema: 'orrery' })
export class ApiKeyEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  name!: string;

  /** What may be shown of the key, so that a person can tell keys apart. */
  @Column('text')
  prefix!: string;

  /** SHA-256 of the whole key; the key itself is stored nowhere. */
  @Column('bytea', { unique: true })
  hash!: Buffer;

  @Column('text')
  role!: string;

  /** null: every project, also those to come. */
  @Column('uuid', { array: true, nullable: true })
  projects!: string[] | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt!: Date | null;

  @Column('timestamptz', { name: 'last_used_at', nullable: true })
  lastUsedAt!: Date | null;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt!: Date | null;
}
