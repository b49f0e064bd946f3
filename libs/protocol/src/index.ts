export { type Codec, codec } from './codec.js';
export { type Down, type DownFrom, type Owner, downCodec } from './down.js';
export {
  type Decoded,
  type Envelope,
  MAX_MESSAGE_BYTES,
  WIRE_VERSION,
  decodeEnvelope,
  encodeEnvelope,
} from './envelope.js';
export type { WireError, Work } from './fields.js';
export {
  type Death,
  type ExecutorBirth,
  type SchedulerBirth,
  decodeExecutorPresence,
  decodeSchedulerPresence,
  encodePresence,
} from './presence.js';
export { type Beat, type Soft, beatCodec, softCodec } from './soft.js';
export { NAME_PATTERN, type Topics, lastLevel, topicsOf } from './topics.js';
export { type ResultReport, type Up, upCodec } from './up.js';
export { isUuid } from './uuid.js';
export { LIVE, type Live, liveCodec } from './live.js';
export { SEGMENT_VERSION, decodeSegment, encodeSegment } from './segment.js';
export {
  type HintFacts,
  MAX_HINT_PARAMS_BYTES,
  decodeHint,
  encodeHint,
} from './hint.js';
export {
  HTTP_BODILESS,
  HTTP_EXPECTED_MAX,
  HTTP_HEADERS_MAX,
  HTTP_METHODS,
  type HttpExpectedStatus,
  type HttpMethod,
  isHttpExpectedStatus,
  isHttpHeader,
} from './http-job.js';
export { type LogChunk, logCodec } from './log.js';
export {
  markBigIntegers,
  markValue,
  parseJson,
  reviveBigInteger,
  stringifyJson,
  unmarkBigIntegers,
} from './lossless.js';
export {
  type ClosePayload,
  type CommandPayload,
  decodeClose,
  decodeCommand,
  encodeClose,
  encodeCommand,
} from './command.js';
