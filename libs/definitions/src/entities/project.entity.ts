import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

@Entity({ name: 'project', schema: 'orrery' })
export class ProjectEntity {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text', { unique: true })
  name!: string;

  @Column('text', { nullable: true })
  description!: string | null;

  /** JSON text: what jobs that say nothing go by. */
  @Column('text', { default: '{}' })
  defaults!: string;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
