/** What a connector is written with: the fields of its configuration, and the contracts of a source and a trigger. */

export type { CodeName, Retry } from "../lib/errors.ts";
export { TideError } from "../lib/errors.ts";
export type { Event, Receipt, ReceiptOutcome } from "../lib/event.ts";
export type { Finding, Path } from "../lib/finding.ts";
export type { Log } from "../lib/log.ts";
export type { StateStore } from "../lib/state.ts";
export { type TraceContext, traceFrom, traceFromAws, traceToAws } from "../lib/trace.ts";
export { type BatchAnswer, batchAnswerBytes, readBatchAnswer } from "./batch.ts";
export type {
  Changed,
  Cluster,
  CreateRequest,
  KubeKind,
  KubeObject,
  ObjectList,
  ObjectPlace,
  ObjectQuery,
  PatchType,
  WatchEvent,
} from "./cluster.ts";
export type { Egress } from "./egress.ts";
export type { KeyRef, Schema } from "./fields.ts";
export {
  choice,
  configMapRef,
  duration,
  flag,
  intOrString,
  json,
  list,
  map,
  number,
  object,
  optional,
  secretRef,
  text,
  whole,
} from "./fields.ts";
export type {
  BatchResponse,
  EmitTo,
  FunctionContext,
  FunctionEvent,
  FunctionHandler,
  FunctionItem,
  FunctionLog,
  LogLine,
} from "./function.ts";
export { NonRetryableError } from "./function.ts";
export type { Draft, EntryName, Refusal, Settled, Source, SourceContext } from "./source.ts";
export { defineSource } from "./source.ts";
export type {
  BatchItem,
  Call,
  CallTrace,
  ChildSpan,
  ConnectContext,
  NewDraft,
  Outcome,
  Parameter,
  ParameterSource,
  RenderCall,
  Rendered,
  Trigger,
} from "./trigger.ts";
export { defineTrigger } from "./trigger.ts";
export type { Joining, Listener, Member, Route, WebRequest, WebResponse } from "./webhook.ts";
