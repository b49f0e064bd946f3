export type { Delivery, InboxBounds } from './inbox.js';
export { type MqttBatchOptions, MqttBatchStrategy } from './mqtt-batch.strategy.js';
