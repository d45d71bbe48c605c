import type * as Sdk from "@aws-sdk/client-eventbridge";
import type { PutEventsRequestEntry } from "@aws-sdk/client-eventbridge";
import type { AwsClientSettings } from "../../kit/aws.ts";
import { abortable } from "../../lib/abort.ts";
import { TideError } from "../../lib/errors.ts";
import { Coalescer, type Posted } from "../aws/coalesce.ts";
import { awsFault, messageFault } from "../aws/faults.ts";

/** The event buses of one account: a request can have entries for several of them. */
export class Buses implements AsyncDisposable {
  readonly #sdk: typeof Sdk;
  readonly #client: Sdk.EventBridgeClient;
  readonly #batches: Coalescer<PutEventsRequestEntry>;

  constructor(sdk: typeof Sdk, settings: AwsClientSettings) {
    this.#sdk = sdk;
    this.#client = new sdk.EventBridgeClient(settings);
    this.#batches = new Coalescer((entries, signal) => this.#put(entries, signal));
  }

  /** Resolves with the event's id. */
  post(posted: Posted<PutEventsRequestEntry>, signal: AbortSignal): Promise<string> {
    return this.#batches.post(posted, signal);
  }

  async #put(entries: readonly PutEventsRequestEntry[], signal: AbortSignal): Promise<readonly (string | TideError)[]> {
    const doing = "putting an event";
    try {
      const putting = this.#client.send(new this.#sdk.PutEventsCommand({ Entries: [...entries] }), {
        abortSignal: signal,
      });
      // looking for credentials heeds no signal
      const { Entries = [] } = await abortable(putting, signal);
      return entries.map(({ EventBusName = "default" }, at) => {
        const { EventId, ErrorCode, ErrorMessage = "" } = Entries[at] ?? {};
        const on = `${doing} on ${EventBusName}`;
        // a word of EventBridge's own tells whether it was us: it has no such flag
        const isOurs = !/^Internal/i.test(ErrorCode ?? "");
        if (ErrorCode !== undefined) return messageFault(on, { code: ErrorCode, message: ErrorMessage, isOurs });
        if (EventId === undefined) return new TideError("AWS_FAILED", `${on}: the answer says nothing of this event`);
        return `event ${EventId}`;
      });
    } catch (error) {
      throw awsFault(doing, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy();
  }
}
