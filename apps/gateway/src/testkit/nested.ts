/**
 * Fields below the roots that lead to another object. Why each stays within what the viewer may
 * see: `parent` reads by the object it stands in, which was seen; `loader` reads within the
 * viewer's projects; `global` belongs to no project.
 */
export const NESTED: Readonly<Record<string, 'parent' | 'loader' | 'global'>> = {
  'Attempt.error': 'parent',
  'Attempt.executor': 'global',
  'Cluster.events': 'global',
  'Cluster.partitions': 'global',
  'Cluster.schedulers': 'global',
  'ClusterEvent.refused': 'global',
  'Executor.pool': 'global',
  'Job.effective': 'parent',
  'Job.project': 'loader',
  'Job.runs': 'parent',
  'Job.versions': 'parent',
  'Pool.executors': 'global',
  'ProjectAccess.project': 'loader',
  'Run.attempts': 'parent',
  'Run.discarded': 'parent',
  'Run.error': 'parent',
  'Run.events': 'parent',
  'Run.executor': 'global',
  'Run.job': 'loader',
  'Run.log': 'parent',
  'Run.paused': 'parent',
  'Run.progress': 'parent',
  'Run.project': 'loader',
  'Run.retriedAs': 'loader',
  'Run.retries': 'loader',
  'Run.retryOf': 'loader',
  'Run.reusedFrom': 'loader',
  'Run.waitingFor': 'parent',
  'RunEvent.run': 'loader',
  'RunEventFrame.events': 'parent',
  'SchedulerNode.threads': 'global',
  'Viewer.projects': 'loader',
};
