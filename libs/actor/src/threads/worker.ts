import { parentPort, workerData } from 'node:worker_threads';
import { systemRuntime } from '../runtime.js';
import { System } from '../system.js';
import type { Frame } from './frames.js';
import type { Boot } from './pool.js';

/** The first file of a worker thread: a system of its own, linked to the main thread. */
if (parentPort === null) throw new Error('threads/worker is started by a thread pool');
const port = parentPort;
const { node, thread } = workerData as Boot;
const system = new System(systemRuntime(node), thread, (frames) => port.postMessage(frames));

system.incidents$.subscribe({
  next: (incident) => system.router.send({ kind: 'incident', to: 0, incident }),
  // The shutdown is complete: the last frames leave, and an idle thread without a port exits.
  complete: () => {
    system.router.flush();
    port.close();
  },
});
port.on('message', (frames: readonly Frame[]) => system.router.receive(frames));
