/** `tidemill load` as a library: `await load({ target, template: compileLoadTemplate(text), pace: { perSecond: 10 }, count: 100 })`. */
export type { LoadReport, Recorded } from "./join.ts";
export { type LoadOptions, load, type RecordedEvents } from "./load.ts";
export { type MalformedKind, malformedKinds } from "./malform.ts";
export type { Bursts, Pace, Range } from "./pace.ts";
export type { Counts } from "./send.ts";
export type { Message, SendResult, Target } from "./target.ts";
export { compileLoadTemplate, type LoadTemplate } from "./template.ts";
