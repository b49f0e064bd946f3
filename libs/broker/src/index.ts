export {
  type Broker,
  type BrokerAddress,
  type BrokerLog,
  type BrokerOptions,
  BrokerProblem,
  createBroker,
} from './broker.js';
