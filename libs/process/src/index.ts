export { isAlive, isZombie, startTimeOf, statOf } from './processes.js';
export { type PidLock, takePidLock } from './pid-lock.js';
export { giveUp, tellParent } from './parent.js';
