import type { PartitionMessage } from './messages.js';

/** The run that it is about, if it is about one. */
export function runOf(message: PartitionMessage): string | null {
  switch (message.kind) {
    case 'submitted':
      return message.cell.facts.id;
    case 'cancel':
    case 'pause':
    case 'freeze':
    case 'resume':
    case 'discard':
    case 'update':
    case 'mark':
    case 'match':
    case 'fetched':
    case 'expire':
    case 'park':
    case 'wake':
      return message.run;
    case 'claimed':
    case 'started':
    case 'progress':
    case 'result':
    case 'bounce':
    case 'froze':
      return message.token.run;
    default:
      return null;
  }
}
