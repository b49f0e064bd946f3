export { Random } from './kernel/random.js';
