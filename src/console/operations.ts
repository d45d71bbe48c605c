import type { FastifyInstance, FastifyReply } from "fastify";
import { TideError } from "../lib/errors.ts";
import { rfc3339 } from "../runtime/event-answer.ts";
import type { Operation } from "../runtime/operations.ts";
import type { Ask } from "./admin.ts";

/** An operation as the API and the verbs answer it. */
export interface OperationAnswer
  extends Omit<Operation, "startedUs" | "endedUs" | "spec" | "cursor" | "perSecond" | "error"> {
  readonly startedAt: string;
  readonly endedAt?: string | undefined;
  readonly perSecond?: number | undefined;
  readonly error?: string | undefined;
}

function operationAnswer({ spec: _, cursor: __, startedUs, endedUs, ...rest }: Operation): OperationAnswer {
  return { ...rest, startedAt: rfc3339(startedUs), ...(endedUs === undefined ? {} : { endedAt: rfc3339(endedUs) }) };
}

/** What a request that began one is answered with. */
export function accepted(reply: FastifyReply, operation: Operation): { readonly operation: OperationAnswer } {
  reply.code(202);
  return { operation: operationAnswer(operation) };
}

export function serveOperations(api: FastifyInstance, ask: Ask): void {
  api.get("/operations", async () => ({ items: ask().operations.list().map(operationAnswer) }));
  api.get<{ Params: { id: string } }>("/operations/:id", async ({ params }) => {
    const found = ask().operations.get(params.id);
    if (found === undefined) throw new TideError("OPERATION_UNKNOWN", `there is no operation ${params.id}`);
    return operationAnswer(found);
  });
  api.post<{ Params: { id: string } }>("/operations/:id/cancel", async ({ params }) =>
    operationAnswer(await ask().operations.cancel(params.id)),
  );
}
