import { Column, CreateDateColumn, Entity, Index, PrimaryColumn, UpdateDateColumn } from 'typeorm';

@Entity({ name: 'job', schema: 'orrery' })
@Index(['project', 'name'], { unique: true })
export class JobEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('uuid')
  project!: string;

  @Column('text')
  name!: string;

  /** The version that a submission takes when it names none. */
  @Column('int4')
  current!: number;

  @Column('boolean', { default: false })
  paused!: boolean;

  @Column('text', { name: 'paused_by', nullable: true })
  pausedBy!: string | null;

  @Column('text', { name: 'paused_reason', nullable: true })
  pausedReason!: string | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt!: Date;

  /** Kept for the runs that name it, and for its name to come back with its versions. */
  @Column('timestamptz', { name: 'deleted_at', nullable: true })
  deletedAt!: Date | null;
}

/** Never changed once it is written: a run pins the version it started with. */
@Entity({ name: 'job_version', schema: 'orrery' })
export class JobVersionEntity {
  @PrimaryColumn('uuid')
  job!: string;

  @PrimaryColumn('int4')
  version!: number;

  @Column('uuid')
  project!: string;

  /** Of the specification's canonical text: an equal one makes no version. */
  @Column('uuid')
  hash!: string;

  /** JSON text, as it was given. */
  @Column('text')
  spec!: string;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @Column('text', { name: 'created_by' })
  createdBy!: string;
}
