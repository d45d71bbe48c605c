import { describe, expect, it } from "vitest";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { createFold } from "./fold.ts";
import { createLog } from "./logger.ts";
import { createMetrics } from "./metrics.ts";
import { createRedactor } from "./redact.ts";

function logTo(lines: string[], format: "ecs" | "pretty", level = "info") {
  const redactor = createRedactor();
  const log = createLog({ format, level, version: "1", redactor, colour: false, write: (line) => lines.push(line) });
  return { redactor, log };
}

describe("log", () => {
  it("is ECS JSON for machines, with an error as an object's member", () => {
    const lines: string[] = [];
    const { log } = logTo(lines, "ecs");
    log.warn({ error: "refused", code: "TM4001" }, "an attempt failed");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      "log.level": "warn",
      message: "an attempt failed",
      "ecs.version": expect.any(String),
      "error.message": "refused",
      code: "TM4001",
    });
  });

  it("is a line for people on a terminal", () => {
    const lines: string[] = [];
    logTo(lines, "pretty").log.child({ source: "web" }).info({ port: 12000 }, "listening");
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}listening source=web port=12000\n$/);
  });

  it("shows no secret that was read, not even inside JSON or a stack", () => {
    for (const format of ["ecs", "pretty"] as const) {
      const lines: string[] = [];
      const { log, redactor } = logTo(lines, format);
      redactor.add('pa"ss-word');
      log.error({ err: new Error('with pa"ss-word inside'), header: 'pa"ss-word' }, 'and pa"ss-word in the text');
      expect(lines.join("")).not.toMatch(/ss-word/);
    }
  });

  it("folds repeats of one problem into a line a minute with their number", async () => {
    const lines: string[] = [];
    const clock = new VirtualClock();
    const fold = createFold(logTo(lines, "ecs").log, clock);
    for (let n = 0; n < 5; n++) fold("refused", {}, "no connection");
    fold("other", {}, "another problem");
    await clock.advance(60_000);
    fold("refused", {}, "no connection");
    const said = lines.map((line) => JSON.parse(line) as { readonly message: string; readonly repeated?: number });
    expect(said.map(({ message, repeated }) => [message, repeated])).toEqual([
      ["no connection", undefined],
      ["another problem", undefined],
      ["no connection", 4],
    ]);
  });
});

describe("metrics", () => {
  const names = { namespace: "team", eventSource: "web", event: "orders" };

  it("serves Argo Events' nine under their names and labels, from the start", async () => {
    const metrics = createMetrics({ version: "1", commit: "abc" });
    metrics.source(names);
    metrics.trigger({ namespace: "team", sensor: "s", trigger: "t" });
    const text = await metrics.text();
    const source = 'namespace="team",eventsource_name="web",event_name="orders"';
    const trigger = 'namespace="team",sensor_name="s",trigger_name="t"';
    for (const line of [
      'argo_events_event_service_running_total{namespace="team",eventsource_name="web"} 0',
      `argo_events_events_sent_total{${source}} 0`,
      `argo_events_events_sent_failed_total{${source}} 0`,
      `argo_events_events_processing_failed_total{${source}} 0`,
      `argo_events_event_processing_duration_milliseconds_count{${source}} 0`,
      `argo_events_action_triggered_total{${trigger}} 0`,
      `argo_events_action_failed_total{${trigger}} 0`,
      `argo_events_action_retries_failed_total{${trigger}} 0`,
      `argo_events_action_duration_milliseconds_count{${trigger}} 0`,
      'build_info{version="1",goversion="",goarch=',
    ])
      expect(text).toContain(line);
  });

  it("counts what happened, whole milliseconds as Argo Events, and delays in buckets that add up", async () => {
    const metrics = createMetrics({ version: "1", commit: "" });
    const source = metrics.source(names);
    source.processed(3.9);
    source.processed(2);
    source.outcome("stored", 2);
    source.outcome("refused", 1);
    source.running(true);
    source.running(true);
    for (const ms of [0.2, 3, 3, 400_000]) metrics.delay("trigger", ms);
    const text = await metrics.text();
    const labels = 'namespace="team",eventsource_name="web",event_name="orders"';
    expect(text).toContain(`argo_events_event_processing_duration_milliseconds_sum{${labels}} 5`);
    expect(text).toContain(`argo_events_events_sent_total{${labels}} 2`);
    expect(text).toContain(`argo_events_events_processing_failed_total{${labels}} 1`);
    expect(text).toContain('argo_events_event_service_running_total{namespace="team",eventsource_name="web"} 1');
    expect(text).toContain('tidemill_stage_delay_seconds_bucket{le="0.0005",stage="trigger"} 1');
    expect(text).toContain('tidemill_stage_delay_seconds_bucket{le="0.005",stage="trigger"} 3');
    expect(text).toContain('tidemill_stage_delay_seconds_bucket{le="+Inf",stage="trigger"} 4');
    expect(text).toContain('tidemill_stage_delay_seconds_count{stage="trigger"} 4');
  });
});
