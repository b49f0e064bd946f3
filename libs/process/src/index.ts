export { isAlive, isZombie, startTimeOf, statOf } from './processes.js';
export { type PidLock, takePidLock } from './pid-lock.js';
