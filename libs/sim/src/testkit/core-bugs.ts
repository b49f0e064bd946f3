import { type Bug, CORE } from './plant.js';

interface Waiting {
  readonly partition: number;
  readonly token: object;
}
interface Entries {
  readonly entries: Map<string, Waiting>;
}
interface Ledger {
  readonly state: {
    readonly waiting: Set<Waiting>;
    readonly partitions: ReadonlyMap<number, Entries>;
  };
  readonly emit: (effect: object) => void;
}

/** In the machines: of the owner, and of the executor. */
export const CORE_BUGS: readonly Bug[] = [
  {
    name: 'what a digest does not list is taken for lost, however old it is',
    foundBy: ['at-most-once', 'attempts-are-bounded'],
    from: 16,
    plant: (plant) =>
      plant(`${CORE}/partition/reports.js`, ({ digest }) => ({
        digest: (step: { state: { epoch: number } }, message: object) => {
          const watermark = { epoch: step.state.epoch, seq: Number.MAX_SAFE_INTEGER };
          (digest as (...given: unknown[]) => void)(step, { ...message, watermark });
        },
      })),
  },
  {
    name: 'an executor does not look at floors and tombstones',
    foundBy: ['one-start-a-token'],
    from: 19,
    plant: (plant) =>
      plant(`${CORE}/ledger/owner.js`, ({ down }) => ({
        down: (
          step: {
            state: {
              partitions: Map<
                number,
                { tombstones: Map<string, unknown>; floor: object; promise: object }
              >;
            };
          },
          session: string,
          item: { partition: number; kind: string },
        ) => {
          const partition = step.state.partitions.get(item.partition);
          if (item.kind === 'assign' && partition !== undefined) {
            partition.tombstones.clear();
            partition.floor = { epoch: 0, seq: 0 };
            partition.promise = { epoch: 0, seq: 0 };
          }
          (down as (...given: unknown[]) => void)(step, session, item);
        },
      })),
  },
  {
    name: 'a bounce leaves no tombstone',
    foundBy: ['at-most-once', 'attempts-are-bounded'],
    from: 62,
    plant: (plant) =>
      plant(`${CORE}/ledger/entries.js`, ({ endUnseen }) => {
        const bounce = ({ emit }: Ledger, partition: number, token: object, reason: string) =>
          emit({
            kind: 'send',
            partition,
            item: { kind: 'bounce', token, reason },
            tries: 0,
          });
        return {
          endUnseen: (
            step: Ledger,
            partition: { id: number },
            token: object,
            report: { of: string; reason: string },
          ) => {
            if (report.of === 'bounce') bounce(step, partition.id, token, report.reason);
            else (endUnseen as (...given: unknown[]) => void)(step, partition, token, report);
          },
          giveBack: (step: Ledger, entry: Waiting, reason: string) => {
            const { partition, token } = entry;
            step.state.waiting.delete(entry);
            const { entries } = step.state.partitions.get(partition) as Entries;
            for (const [key, of] of entries) if (of === entry) entries.delete(key);
            bounce(step, partition, token, reason);
          },
        };
      }),
  },
  {
    name: 'a parked run that is resumed stays on the bench',
    foundBy: ['acknowledged-is-final'],
    from: 78,
    plant: (plant) =>
      plant(`${CORE}/partition/parking.js`, () => ({
        unpark: (_: unknown, cell: { record: { parked?: object } }) => {
          const wasParked = cell.record.parked !== undefined;
          delete cell.record.parked;
          return wasParked;
        },
      })),
  },
  {
    name: 'whichever run comes first is blamed for what throws',
    foundBy: ['no-innocent-is-parked'],
    from: 78,
    plant: (plant) =>
      plant(`${CORE}/partition/parking.js`, ({ StepFailure }) => ({
        blaming: (
          step: { at: unknown; state: { cells: Map<string, unknown> } },
          work: () => void,
        ) => {
          try {
            work();
          } catch (error) {
            const [first = null] = step.state.cells.keys();
            throw new (StepFailure as new (...given: unknown[]) => Error)(step.at, first, error);
          }
        },
      })),
  },
  {
    name: 'the clocks of the silent run on while nobody can be heard',
    foundBy: ['loss-is-heard'],
    from: 15,
    plant: (plant) => plant(`${CORE}/partition/time.js`, () => ({ deaf: () => undefined })),
  },
];
