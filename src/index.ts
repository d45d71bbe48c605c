/**
 * tidemill as a library. `readManifests` and `run` do what `tidemill run` does. With connectors of one's own (written with
 * `tidemill/kit`), plan with `planTexts(texts, { ...lists, sources: [...lists.sources, mine] })`, and give `run` the
 * triggers.
 */

export type { CodeName, Retry } from "./lib/errors.ts";
export { isTide, messageOf, TideError } from "./lib/errors.ts";
export type { Event, Receipt, ReceiptOutcome } from "./lib/event.ts";
export type { Finding, PlacedFinding } from "./lib/finding.ts";
export type { Log } from "./lib/log.ts";
export type { Lists } from "./manifests/lists.ts";
export type { BusPlan, Manifests, SourcePlan } from "./manifests/manifests.ts";
export type { ManifestText } from "./manifests/objects.ts";
export { planTexts } from "./manifests/plan.ts";
export { lists, readManifests } from "./manifests/read.ts";
export { formatFinding } from "./manifests/render.ts";
export type { Control, PauseHow } from "./runtime/control.ts";
export type { HandedIn, HandIn } from "./runtime/hand-in.ts";
export { handIn } from "./runtime/hand-in.ts";
export type { PausedThing, PauseWish } from "./runtime/pausable.ts";
export type { Changes, ReloadReport, ReloadResult } from "./runtime/reload-report.ts";
export type { StandardRun, StandardRunOptions } from "./runtime/standard-run.ts";
export { standardRun as run } from "./runtime/standard-run.ts";
export type { Status } from "./runtime/status.ts";
export { status } from "./runtime/status.ts";
export type { Why } from "./runtime/why.ts";
export { why } from "./runtime/why.ts";
export type { Witness } from "./runtime/witness.ts";
