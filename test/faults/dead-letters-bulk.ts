import type { OperationAnswer } from "../../src/console/operations.ts";
import type { Product } from "../product.ts";
import { until } from "../until.ts";

/** Puts all dead letters back, and waits until that is done. Throws unless there were `total` of them. */
export async function retryAll(
  product: Product,
  { total, signal }: { readonly total: number; readonly signal: AbortSignal },
): Promise<OperationAnswer> {
  const { operation } = await product.post<{ readonly operation: OperationAnswer }>("/deadletters/retry", {
    filter: {},
  });
  const ended = await endOf(product, { id: operation.id, signal });
  if (ended.state !== "done" || ended.done !== total || ended.failed !== 0) {
    throw new Error(`a retry of ${total} ended as ${JSON.stringify(ended)}`);
  }
  return ended;
}

/** Waits for the end of an operation. */
export async function endOf(
  product: Product,
  {
    id,
    signal,
    timeoutMs = 300_000,
  }: { readonly id: string; readonly signal: AbortSignal; readonly timeoutMs?: number },
): Promise<OperationAnswer> {
  return until(
    "the operation has ended",
    async () => {
      signal.throwIfAborted();
      const operation = await product.get<OperationAnswer>(`/operations/${id}`);
      return operation.state !== "running" && operation;
    },
    { timeoutMs, everyMs: 100 },
  );
}
