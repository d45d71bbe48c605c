import { bulkWork } from "./dead-letter-bulk.ts";
import type { OperationKind, OperationWork } from "./operations.ts";
import type { ReplayParts } from "./replay.ts";
import { replayWork } from "./replay-work.ts";

/** What the operations of a process do, by their kind. */
export function operationWorks(runtime: ReplayParts): Readonly<Record<OperationKind, OperationWork>> {
  const bulk = bulkWork(runtime);
  return { retry: bulk, drop: bulk, replay: replayWork(runtime) };
}
