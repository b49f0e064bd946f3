export type { Bounds, PublishOptions, Will } from './connection.js';
export { type MessageHandler, wildcards } from './dispatch.js';
export {
  createMqtt,
  KEEPALIVE_S,
  type Message,
  type Mqtt,
  type MqttLog,
  type MqttOptions,
} from './mqtt.js';
export { createPresenceLink, type PresenceLink, type PresenceOptions } from './presence.link.js';
