import { refusalIn } from "../../kit/egress.ts";
import { type CodeName, codeOf, messageOf, TideError } from "../../lib/errors.ts";
import { connectionFault } from "../http/faults.ts";

/** What of an error tells of what it is about; EventBridge and the batches of SQS and SNS give it for each message. */
interface Fault {
  readonly name: string;
  /** The sender's own, not the service's. */
  readonly isOurs: boolean;
  readonly status?: number | undefined;
}

const missing = /NonExistentQueue|QueueDoesNotExist|QueueDeletedRecently|^NotFound(Exception)?$|ResourceNotFound/;
const throttled = /throttl|TooManyRequests|LimitExceeded|OverLimit|SlowDown|RequestLimit|ResourceConflict/i;
const denied =
  /AccessDenied|NotAuthorized|AuthorizationError|UnrecognizedClient|InvalidClientTokenId|InvalidAccessKeyId|SignatureDoesNotMatch|IncompleteSignature|InvalidSecurity|MissingAuthenticationToken|ExpiredToken|OptInRequired|CredentialsProviderError|TokenProviderError/;
const tooLarge = /TooLarge|TooLong/;

function codeNameOf({ name, isOurs, status = 0 }: Fault): CodeName {
  if (throttled.test(name) || status === 429) return "AWS_BUSY";
  if (missing.test(name)) return "AWS_MISSING";
  if (denied.test(name) || status === 401 || status === 403) return "AWS_DENIED";
  if (tooLarge.test(name) || status === 413) return "MESSAGE_INVALID";
  return isOurs ? "AWS_REFUSED" : "AWS_FAILED";
}

/** What the SDK threw, as one of ours. `doing` is a gerund, such as "sending to queue orders". */
export function awsFault(doing: string, error: unknown): TideError {
  const refusal = refusalIn(error);
  if (refusal !== undefined) return refusal;
  if (error instanceof TideError) return error;
  const name = error instanceof Error ? error.name : "";
  const text = [doing, name === "Error" ? "" : name, messageOf(error)].filter((part) => part !== "").join(": ");
  return new TideError(codeOfThrown(error, name), text, { cause: error });
}

function codeOfThrown(error: unknown, name: string): CodeName {
  if (name === "TimeoutError") return "TARGET_TIMEOUT";
  const status = statusOf(error);
  if (status === undefined) {
    const connection = connectionFault(codeOf(error) ?? "", error);
    if (connection !== undefined) return connection;
  }
  const isOurs = error instanceof Error && "$fault" in error && error.$fault === "client";
  return codeNameOf({ name, isOurs: isOurs || (status !== undefined && status < 500), status });
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("$metadata" in error)) return undefined;
  const { $metadata } = error;
  const held: unknown =
    typeof $metadata === "object" && $metadata !== null && "httpStatusCode" in $metadata
      ? $metadata.httpStatusCode
      : undefined;
  return typeof held === "number" ? held : undefined;
}

/** The failure of one message of a batch that the service took. */
export function messageFault(doing: string, fault: { code: string; message: string; isOurs: boolean }): TideError {
  const { code, message, isOurs } = fault;
  return new TideError(codeNameOf({ name: code, isOurs }), `${doing}: ${code}: ${message}`);
}

interface BatchAnswer {
  readonly Successful?:
    | readonly { readonly Id?: string | undefined; readonly MessageId?: string | undefined }[]
    | undefined;
  readonly Failed?:
    | readonly {
        readonly Id: string | undefined;
        readonly Code: string | undefined;
        readonly Message?: string | undefined;
        readonly SenderFault: boolean | undefined;
      }[]
    | undefined;
}

/** What SQS or SNS answered to a batch whose ids are indexes: what became of each message. */
export function inOrder(
  count: number,
  doing: string,
  { Successful = [], Failed = [] }: BatchAnswer,
): readonly (string | TideError)[] {
  const silent = new TideError("AWS_FAILED", `${doing}: the answer says nothing of this message`);
  const ends = Array.from({ length: count }, (): string | TideError => silent);
  for (const { Id, MessageId = "" } of Successful) ends[Number(Id)] = `message ${MessageId}`;
  for (const { Id, Code = "", Message = "", SenderFault = false } of Failed) {
    ends[Number(Id)] = messageFault(doing, { code: Code, message: Message, isOurs: SenderFault });
  }
  return ends.slice(0, count);
}
