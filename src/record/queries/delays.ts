import type { DelayGroup, DelayQuery, DelaySample, Delays, Hop, RecordRange } from "../record.ts";
import { aheadUs, hops, hopsUs, sampleOf, sentUs, type WayRow } from "./hops.ts";
import { Distribution } from "./percentiles.ts";
import type { Rows } from "./query.ts";
import { inRange } from "./range.ts";

const slowestCount = 10;
const mostSamples = 100_000;

/**
 * The delays of each hop. The hops until an event is stored count once per event (and group); those behind it once per
 * event and firing, so that an event that two triggers fire for counts in both. Ways of a `dlqTrigger` are left out.
 */
export async function delays(rows: Rows, query: DelayQuery): Promise<Delays> {
  const groups = new Map<string, Map<Hop, Distribution>>();
  const ahead = new Map<string, { count: number; corrected: number; mostUs: number }>();
  const slowest = new Slowest(slowestCount);
  const add = (by: string, way: WayRow, wanted: readonly Hop[]): void => {
    const found = hopsUs(way);
    for (const hop of wanted) {
      const us = found[hop];
      if (us !== undefined) distributionOf(groups, by, hop).add(us);
    }
  };
  await rows.each(arrivals(rows, query), (way) => {
    add(groupOf(way, query.by), way, arriving);
  });
  await rows.each(storedEvents(rows, query), (way) => {
    const us = aheadUs(way);
    if (us === 0) return;
    const known = ahead.get(way.source) ?? { count: 0, corrected: 0, mostUs: 0 };
    known.count += 1;
    if (sentUs(way) !== null) known.corrected += 1;
    known.mostUs = Math.max(known.mostUs, us);
    ahead.set(way.source, known);
  });
  await rows.each(firedWays(rows, query), (way) => {
    add(groupOf(way, query.by), way, acting);
    slowest.offer(way);
  });
  return {
    groups: [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([by, found]) => groupsOf(by, found)),
    slowest: slowest.samples(),
    aheadOfUs: [...ahead].map(([source, { mostUs, ...counts }]) => ({ source, ...counts, mostMs: mostUs / 1000 })),
  };
}

const arriving: readonly Hop[] = ["sent-received", "received-stored"];
const acting: readonly Hop[] = ["stored-fired", "fired-done", "total"];

function distributionOf(groups: Map<string, Map<Hop, Distribution>>, by: string, hop: Hop): Distribution {
  const group = groups.get(by) ?? new Map<Hop, Distribution>();
  groups.set(by, group);
  const distribution = group.get(hop) ?? new Distribution();
  group.set(hop, distribution);
  return distribution;
}

function groupsOf(by: string, found: ReadonlyMap<Hop, Distribution>): readonly DelayGroup[] {
  return hops.flatMap((hop) => {
    const distribution = found.get(hop);
    if (distribution === undefined) return [];
    return [{ by, hop, count: distribution.count, ...distribution.percentiles() }];
  });
}

function groupOf(way: WayRow, by: DelayQuery["by"]): string {
  if (by === "source") return way.source;
  if (by === "sensor") return way.sensor ?? "";
  if (by === "trigger") return `${way.sensor ?? ""}/${way.trigger_name ?? ""}`;
  return "all";
}

/** What `sampleOf` needs of an event and one of its firings. */
const wayColumns = [
  "event.id as id",
  "event.source as source",
  "firing.sensor as sensor",
  "firing.trigger_name as trigger_name",
  "event.sent_us as sent_us",
  "event.skew_us as skew_us",
  "event.received_us as received_us",
  "event.stored_us as stored_us",
  "firing.fired_us as fired_us",
  "firing.done_us as done_us",
] as const;

/** Newest first: each event with each of its firings, or alone. */
export async function delaySamples(
  rows: Rows,
  query: DelayQuery & { readonly limit: number },
): Promise<readonly DelaySample[]> {
  const limit = Math.min(Math.max(Math.trunc(query.limit), 1), mostSamples);
  const found = await rows.all(
    storedInRange(rows, query)
      .leftJoin("firing_event as pair", "pair.event_no", "event.no")
      .leftJoin("firing", "firing.no", "pair.firing_no")
      .select(wayColumns)
      .where("firing.parent", "is", null)
      .orderBy("event.received_us", "desc")
      .orderBy("event.no", "desc")
      .limit(limit),
  );
  return found.map(sampleOf);
}

function storedInRange(rows: Rows, range: RecordRange) {
  return inRange(rows, range).where("event.receipt", "=", "stored").where("event.source", "<>", "");
}

function storedEvents(rows: Rows, range: RecordRange) {
  return storedInRange(rows, range).select((eb) => [
    "event.id as id",
    "event.source as source",
    eb.val<string | null>(null).as("sensor"),
    eb.val<string | null>(null).as("trigger_name"),
    "event.sent_us as sent_us",
    "event.skew_us as skew_us",
    "event.received_us as received_us",
    "event.stored_us as stored_us",
    eb.val<number | null>(null).as("fired_us"),
    eb.val<number | null>(null).as("done_us"),
  ]);
}

/** Each event once per group. By sensor or trigger: the events that it fired for. */
function arrivals(rows: Rows, query: DelayQuery) {
  if (query.by !== "sensor" && query.by !== "trigger") return storedEvents(rows, query);
  const byTrigger = query.by === "trigger";
  return storedInRange(rows, query)
    .innerJoin("decision", "decision.event_no", "event.no")
    .select((eb) => [
      "event.id as id",
      "event.source as source",
      "decision.sensor as sensor",
      byTrigger ? "decision.trigger_name as trigger_name" : eb.val<string | null>(null).as("trigger_name"),
      "event.sent_us as sent_us",
      "event.skew_us as skew_us",
      "event.received_us as received_us",
      "event.stored_us as stored_us",
      eb.val<number | null>(null).as("fired_us"),
      eb.val<number | null>(null).as("done_us"),
    ])
    .where("decision.decision", "=", "fired")
    .distinct();
}

function firedWays(rows: Rows, range: RecordRange) {
  return storedInRange(rows, range)
    .innerJoin("firing_event as pair", "pair.event_no", "event.no")
    .innerJoin("firing", "firing.no", "pair.firing_no")
    .select(wayColumns)
    .where("firing.parent", "is", null)
    .where("firing.sensor", "<>", "");
}

/** The ways of the longest total. */
class Slowest {
  readonly #most: number;
  #ways: { readonly totalUs: number; readonly way: WayRow }[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  offer(way: WayRow): void {
    const totalUs = hopsUs(way).total;
    const least = this.#ways.at(-1)?.totalUs ?? -1;
    if (totalUs === undefined || (this.#ways.length >= this.#most && totalUs <= least)) return;
    this.#ways.push({ totalUs, way });
    this.#ways.sort((a, b) => b.totalUs - a.totalUs);
    this.#ways = this.#ways.slice(0, this.#most);
  }

  samples(): readonly DelaySample[] {
    return this.#ways.map(({ way }) => sampleOf(way));
  }
}
