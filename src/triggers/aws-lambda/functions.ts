import type * as Sdk from "@aws-sdk/client-lambda";
import type { InvocationResponse } from "@aws-sdk/client-lambda";
import type { AwsClientSettings } from "../../kit/aws.ts";
import { abortable, within } from "../../lib/abort.ts";
import { TideError } from "../../lib/errors.ts";
import { awsFault } from "../aws/faults.ts";

/** A function may run for 15 minutes. */
const invokeTimeoutMs = 16 * 60_000;
const traceHeader = "X-Amzn-Trace-Id";

export interface Invocation extends Pick<Sdk.InvokeCommandInput, "InvocationType" | "Payload" | "ClientContext"> {
  readonly functionName: string;
  readonly logTail: boolean;
  /** The trace as X-Ray has it: a function with tracing hangs its spans there. */
  readonly xRay: string;
}

/** The functions of one account. */
export class Functions implements AsyncDisposable {
  readonly #sdk: typeof Sdk;
  readonly #client: Sdk.LambdaClient;

  constructor(sdk: typeof Sdk, settings: AwsClientSettings) {
    this.#sdk = sdk;
    this.#client = new sdk.LambdaClient(settings);
  }

  async invoke(invocation: Invocation, signal: AbortSignal): Promise<InvocationResponse> {
    const { functionName, logTail, xRay, ...input } = invocation;
    const doing = `invoking ${functionName}`;
    const command = new this.#sdk.InvokeCommand({
      ...input,
      FunctionName: functionName,
      ...(logTail ? { LogType: "Tail" } : {}),
    });
    command.middlewareStack.add(
      (next) => (args) => {
        const { request } = args;
        if (hasHeaders(request)) request.headers[traceHeader] = xRay;
        return next(args);
      },
      { step: "build", name: "tidemillTrace" },
    );
    const late = () => new TideError("TARGET_TIMEOUT", `${doing}: no answer within 16 min`);
    using limit = within(signal, invokeTimeoutMs, late);
    try {
      const invoking = this.#client.send(command, { abortSignal: limit.signal });
      // looking for credentials heeds no signal
      return await abortable(invoking, limit.signal);
    } catch (error) {
      signal.throwIfAborted();
      throw awsFault(doing, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy();
  }
}

function hasHeaders(request: unknown): request is { readonly headers: Record<string, string> } {
  return typeof request === "object" && request !== null && "headers" in request;
}
