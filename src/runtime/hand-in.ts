import { randomUUID } from "node:crypto";
import type { Settled } from "../kit/source.ts";
import { within } from "../lib/abort.ts";
import { didYouMean } from "../lib/did-you-mean.ts";
import { codeOf, TideError } from "../lib/errors.ts";
import type { Receipt } from "../lib/event.ts";
import type { Runtime } from "./runtime.ts";
import type { RunningSource } from "./source-run.ts";

/** What became of an event that was handed in. */
export interface HandedIn {
  readonly receipt: Receipt;
  /** Only with `waitMs`: what its firings came to; absent when they did not end in time. */
  readonly settled?: Settled | undefined;
}

export interface HandIn {
  readonly namespace: string;
  readonly eventSource: string;
  readonly event: string;
  /** The event's `data` as a sensor sees it: JSON text. */
  readonly data: Uint8Array;
  /** How long to wait until the event is decided and its firings have ended. */
  readonly waitMs?: number | undefined;
  readonly signal: AbortSignal;
}

/**
 * Hands in an event as if its source had taken it, filter included (`tidemill send`). Answers once the bus holds it.
 * Rejects with ENTRY_UNKNOWN, with USAGE when the data is no JSON, and as `Bus.publish` does.
 */
export async function handIn(runtime: Pick<Runtime, "sources" | "buses">, request: HandIn): Promise<HandedIn> {
  const source = findSource(runtime.sources, request);
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(request.data));
  } catch (cause) {
    const why = codeOf(cause) === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "is not UTF-8" : "is not JSON";
    throw new TideError("USAGE", `the data ${why}`, { cause });
  }
  // an id of its own, as an upstream would give it: the bus knows the event by it, and so what became of it
  const [receipt] = await source.emit([{ data: request.data, upstreamId: randomUUID() }]);
  if (receipt === undefined) throw new TideError("INTERNAL", "the bus gave no receipt");
  const bus = runtime.buses.find(
    ({ namespace, name }) => namespace === source.plan.namespace && name === source.plan.bus,
  );
  if (request.waitMs === undefined || receipt.outcome !== "stored" || bus === undefined) return { receipt };
  using patience = within(request.signal, request.waitMs);
  const settled = await bus.watch.watch(receipt.id, patience.signal).catch((error: unknown) => {
    if (patience.signal.aborted) return undefined;
    throw error;
  });
  return { receipt, settled };
}

function findSource(sources: readonly RunningSource[], wanted: HandIn): RunningSource {
  const name = `${wanted.eventSource}/${wanted.event}`;
  const here = sources.filter(({ plan }) => plan.namespace === wanted.namespace);
  const found = here.find(({ plan }) => `${plan.eventSource}/${plan.event}` === name);
  if (found !== undefined) return found;
  const names = here.map(({ plan }) => `${plan.eventSource}/${plan.event}`);
  const hint = didYouMean(name, names);
  const elsewhere = sources.find(({ plan }) => `${plan.eventSource}/${plan.event}` === name)?.plan.namespace;
  const also = elsewhere === undefined ? "" : `; there is one in namespace ${elsewhere}`;
  throw new TideError(
    "ENTRY_UNKNOWN",
    `there is no ${name} in namespace ${wanted.namespace}${hint === undefined ? also : `; did you mean ${hint}?`}`,
  );
}
