import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { seeded } from "../../examples/lib/seeded.ts";
import { openAws } from "../../examples/orders/aws.ts";
import { manifestsFor, secretsFor } from "../../examples/orders/flow.ts";
import { isWanted } from "../../examples/orders/message.ts";
import { startRecorder } from "../../examples/orders/recorder.ts";
import { sample } from "../../examples/orders/sample.ts";
import { sendAll } from "../../examples/orders/send.ts";
import { openTable } from "../../examples/orders/table.ts";
import { openMetrics } from "../../src/console/admin.ts";
import { silentLog } from "../../src/lib/log.ts";
import { standardRun } from "../../src/runtime/standard-run.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { createRedactor } from "../../src/telemetry/redact.ts";
import { describeWithServer } from "../servers/describe.ts";
import { temporaryFolder } from "../servers/folder.ts";
import { startPrometheus } from "../servers/prometheus.ts";
import { programPath } from "../servers/recipes.ts";
import { freePort } from "../servers/server.ts";
import { helloOn, type Running, running } from "../tidemill.ts";
import { until } from "../until.ts";
import { type Exported, exportedBy } from "./exported.ts";
import { alerts, dashboard, dashboards, deploy, queriesOf, root } from "./files.ts";
import { namesIn } from "./promql.ts";

/* The rules and the dashboard ask for what a running tidemill exports, and for nothing else. */

/** A tidemill of which every series of the dashboard says something: events in, filtered, fired, failed and dead. */
async function flow(): Promise<{ readonly tidemill: Running; readonly post: (body: object) => Promise<void> }> {
  const folder = await temporaryFolder("prometheus-flow");
  const port = await freePort();
  const hello = await helloOn(port);
  const closed = await freePort();
  const sensor = `
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: failing }
spec:
  dependencies:
    - name: bad
      eventSourceName: web
      eventName: hello
      filters: { data: [{ path: body.bad, type: bool, value: ["true"] }] }
  triggers:
    - template:
        name: nobody-there
        http: { url: "http://127.0.0.1:${closed}/", method: POST }
      retryStrategy: { steps: 1 }
`;
  await writeFile(join(folder, "flow.yaml"), `${hello}${sensor}`);
  const tidemill = await running([join(folder, "flow.yaml")], { dataDir: join(folder, "data") });
  const post = async (body: object): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${port}/hello`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(200);
  };
  return { tidemill, post };
}

const scrapeOf = async ({ metrics }: Running): Promise<string> => (await fetch(`${metrics}/metrics`)).text();

/** Labels that Prometheus itself adds. */
const added = new Set(["job", "instance"]);
/** Labels whose values are words of tidemill; those of the others are names of the user. */
const closedSets = new Set(["stage", "state", "group", "outcome", "result", "bus", "decision"]);

/** What an expression names that the scrape does not have. */
function unknownIn(expression: string, exported: Exported): readonly string[] {
  const { selectors, labels, made } = namesIn(expression);
  const known = new Set([...added, ...made]);
  const wrong: string[] = [];
  for (const { metric, labels: matchers } of selectors) {
    const has = metric === "up" ? new Map<string, Set<string>>() : exported.get(metric);
    if (has === undefined) {
      wrong.push(metric);
      continue;
    }
    for (const label of has.keys()) known.add(label);
    for (const { name, operator, value } of matchers) {
      if (!has.has(name) && !added.has(name)) wrong.push(`${metric}{${name}}`);
      const values = operator === "=~" ? value.split("|") : [value];
      if (!closedSets.has(name)) continue;
      for (const one of values) if (has.get(name)?.has(one) !== true) wrong.push(`${metric}{${name}="${one}"}`);
    }
  }
  return [...wrong, ...labels.filter((label) => !known.has(label))];
}

describe("what alerts and dashboard ask for", () => {
  let exported: Exported = new Map();

  beforeAll(async () => {
    const { tidemill, post } = await flow();
    await using _ = tidemill;
    await post({ bad: true });
    await until("the firing that fails is dead", async () =>
      /^tidemill_firings\{.*trigger="nobody-there",state="dead"\} 1$/m.test(await scrapeOf(tidemill)),
    );
    // what has no series as long as all is well
    const metrics = createMetrics({ version: "", commit: "" });
    metrics.onScrape((gauges) => gauges.targetsDown(["http://target.example"]));
    exported = new Map([...exportedBy(await metrics.text()), ...exportedBy(await scrapeOf(tidemill))]);
  });

  test("every metric and label of an alert is one that tidemill exports", async () => {
    const all = await alerts();
    expect(all.length).toBeGreaterThan(8);
    for (const { alert, expr, annotations } of all) {
      expect(unknownIn(expr, exported), alert).toEqual([]);
      const told = Array.from(
        Object.values(annotations)
          .join(" ")
          .matchAll(/\$labels\.(\w+)/g),
        ([, name = ""]) => name,
      );
      const { selectors, labels } = namesIn(expr);
      const has = new Set([
        ...added,
        ...labels,
        ...selectors.flatMap(({ metric }) => [...(exported.get(metric)?.keys() ?? [])]),
      ]);
      expect(
        told.filter((name) => !has.has(name)),
        alert,
      ).toEqual([]);
    }
  });

  test.each(dashboards)("every metric and label of %s is one that tidemill exports", async (name) => {
    const board = await dashboard(name);
    const queries = queriesOf(board);
    expect(queries.length).toBeGreaterThan(15);
    for (const { panel, expr, legend } of queries) {
      expect(unknownIn(expr, exported), panel.title).toEqual([]);
      const { labels, selectors } = namesIn(expr);
      // what an aggregation leaves is what it groups by
      const left = new Set(
        expr.includes(" by (")
          ? labels
          : selectors.flatMap(({ metric }) => [...added, ...(exported.get(metric)?.keys() ?? [])]),
      );
      const shown = Array.from(legend.matchAll(/\{\{(\w+)\}\}/g), ([, name = ""]) => name);
      expect(
        shown.filter((name) => !left.has(name)),
        panel.title,
      ).toEqual([]);
    }
    for (const { definition } of board.templating.list) {
      const [, metric = "", label = ""] = /^label_values\((\w+), (\w+)\)$/.exec(definition ?? "") ?? [];
      if (definition !== undefined) expect(exported.get(metric)?.has(label), definition).toBe(true);
    }
  });

  test("the page for those who come from Argo Events names metrics that tidemill exports", async () => {
    const page = await readFile(join(root, "docs", "coming-from-argo-events.md"), "utf8");
    const named = new Set(page.match(/\b(?:tidemill|argo_events)_[a-z_]+/g));
    expect(named.size).toBeGreaterThan(12);
    expect([...named].filter((name) => !exported.has(name) && !exported.has(`${name}_count`))).toEqual([]);
  });

  test("a name that is not exported is found, in every place where one can stand", () => {
    for (const [expression, wrong] of [
      ["rate(tidemill_event_received_total[1m])", "tidemill_event_received_total"],
      ['tidemill_firings{status="dead"}', "tidemill_firings{status}"],
      ['tidemill_firings{state=~"dead|gone"}', 'tidemill_firings{state="gone"}'],
      ["sum by (event_source) (tidemill_events_received_total)", "event_source"],
      ["tidemill_bus_bytes / on (namespace, name) tidemill_bus_max_bytes", "name"],
      ['label_replace(up, "a", "$1", "instants", "(.+)")', "instants"],
    ] as const) {
      expect(unknownIn(expression, exported)).toEqual([wrong]);
    }
  });
});

describe.each(dashboards)("the dashboard %s", (name) => {
  test("says of each panel what it shows and in which unit, and takes the data source of its variable", async () => {
    const { panels, templating } = await dashboard(name);
    expect(templating.list.map(({ name, type }) => `${name}: ${type}`)).toContain("datasource: datasource");
    for (const { type, title, description, fieldConfig, datasource, targets = [] } of panels) {
      if (type === "row") continue;
      expect(description?.length ?? 0, title).toBeGreaterThan(20);
      expect(fieldConfig?.defaults.unit, title).toBeTruthy();
      for (const uid of [datasource?.uid, ...targets.map((target) => target.datasource.uid)]) {
        expect(uid, title).toBe("$" + "{datasource}");
      }
    }
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  });
});

test("each alert is tested: by series that set it off", async () => {
  interface RuleTest {
    readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
  }
  const text = await readFile(join(deploy, "prometheus", "alerts.test.yml"), "utf8");
  const { tests } = parse(text) as { readonly tests: readonly RuleTest[] };
  const set = tests.flatMap(({ alert_rule_test }) => alert_rule_test).filter(({ exp_alerts }) => exp_alerts.length > 0);
  const tested = new Set(set.map(({ alertname }) => alertname));
  expect((await alerts()).map(({ alert }) => alert).filter((name) => !tested.has(name))).toEqual([]);
});

describeWithServer("prometheus", () => {
  const promtool = (args: readonly string[]) => promisify(execFile)(programPath("promtool"), args);

  test("promtool takes the configuration and the rules, and the tests of the rules pass", async () => {
    const folder = join(deploy, "prometheus");
    await promtool(["check", "config", join(folder, "prometheus.yml")]);
    const { stdout } = await promtool(["test", "rules", join(folder, "alerts.test.yml")]);
    expect(stdout).toContain("SUCCESS");
  });

  test("promtool takes what tidemill exports, but for what Argo Events and prom-client call as they do", async () => {
    const { tidemill } = await flow();
    await using _ = tidemill;
    const scraped = await scrapeOf(tidemill);
    const checked = promisify(execFile)(programPath("promtool"), ["check", "metrics"]);
    checked.child.stdin?.end(scraped);
    const said = await checked.then(
      ({ stdout, stderr }) => stdout + stderr,
      ({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }) => stdout + stderr,
    );
    expect(said.split("\n").filter((line) => line !== "" && !/^(argo_events|nodejs)_/.test(line))).toEqual([]);
  });

  test("a real Prometheus scrapes a running tidemill, evaluates every alert and answers every panel", async () => {
    const { tidemill, post } = await flow();
    await using _ = tidemill;
    await using prometheus = await startPrometheus(await configFor(tidemill));
    await until("the first scrape", async () => (await prometheus.query('up{job="tidemill"} == 1')).length > 0);
    for (let i = 0; i < 5; i++) await post({ bad: i === 0 });
    // two scrapes after it, for there is no rate of one
    await until("the scrape that has the dead letter", async () => {
      const rates = await prometheus.query("increase(tidemill_deaths_total[1m])");
      return rates.some(({ value }) => Number(value[1]) > 0);
    });
    for (const name of dashboards)
      for (const { panel, expr } of queriesOf(await dashboard(name)))
        expect((await prometheus.query(expr)).length, `${panel.title}: ${expr}`).toBeGreaterThan(0);
    interface Rule {
      readonly name: string;
      readonly health: string;
      readonly state: string;
    }
    const rules = await until("all rules are evaluated", async () => {
      const { groups } = (await prometheus.api("/api/v1/rules")) as {
        readonly groups: readonly { readonly rules: readonly Rule[] }[];
      };
      const all = groups.flatMap((group) => group.rules);
      const firing = all.some(({ name, state }) => name === "TidemillDeadLettersGrow" && state === "firing");
      return firing && all.every(({ health }) => health !== "unknown") ? all : undefined;
    });
    expect(rules.filter(({ health }) => health !== "ok")).toEqual([]);
    // the dead letter is told of, and nothing else: all else is well
    expect(rules.filter(({ state }) => state !== "inactive").map(({ name }) => name)).toEqual([
      "TidemillDeadLettersGrow",
    ]);
  }, 90_000);
});

/* What Prometheus has of the orders example after some messages, each sent to the topic and to the queue. */
describeWithServer("prometheus", () => {
  test("a real Prometheus scrapes the orders example: its messages, firings and delays", async () => {
    await using opened = new AsyncDisposableStack();
    const dataDir = await temporaryFolder("prometheus-orders");
    const databaseUrl = `sqlite:${join(dataDir, "messages.sqlite")}`;
    opened.use(await openTable(databaseUrl));
    const aws = opened.use(await openAws({ endpoint: "local", env: {}, undelivered: () => undefined }));
    const recorder = opened.use(await startRecorder(databaseUrl));
    const webhookPort = await freePort();
    const publicUrl = `http://127.0.0.1:${webhookPort}`;
    const manifests = await manifestsFor({ aws, webhookPort, publicUrl, recorderUrl: recorder.url, signed: true });
    const env = { ...process.env, ...secretsFor({ aws }, databaseUrl) };
    const runtime = opened.use(await standardRun({ manifests, dataDir, jobs: "process", env, drainTimeoutMs: 1_000 }));
    const parts = { stopping: () => false, version: "", dataDir, listenHost: "127.0.0.1", log: silentLog };
    const metrics = opened.use(
      await openMetrics(
        { ...parts, runtime: () => runtime, redactor: createRedactor() },
        { host: "127.0.0.1", port: 0 },
      ),
    );
    await until("the sources are ready", () => runtime.sources.every(({ status }) => status().state === "ready"));
    const prometheus = opened.use(await startPrometheus(await configFor({ metrics: metrics.url })));
    const drafts = sample({ run: "scraped", count: 8, maxGapMs: 0, random: seeded(4) });
    await sendAll({ drafts, to: aws, signal: new AbortController().signal, sent: () => undefined });
    const wanted = drafts.filter(({ message }) => isWanted(message)).length;
    const count = async (query: string): Promise<number> => Number((await prometheus.query(query))[0]?.value[1] ?? 0);
    for (const channel of ["orders-topic", "orders-queue"]) {
      await until(`all of ${channel} is in`, async () => {
        return (await count(`sum(tidemill_receipts_total{eventsource="${channel}"})`)) === drafts.length;
      });
      await until(`all of ${channel} has fired`, async () => {
        return (await count(`sum(argo_events_action_triggered_total{sensor_name="${channel}"})`)) === wanted;
      });
    }
    expect(await count("sum(tidemill_stage_delay_seconds_count)")).toBeGreaterThan(0);
    expect(await count('tidemill_firings{state="dead"} or vector(0)')).toBe(0);
  }, 90_000);
});

/** The configuration of deploy/ with this tidemill as its first target, and shorter intervals. */
async function configFor({ metrics }: Pick<Running, "metrics">): Promise<string> {
  const folder = join(deploy, "prometheus");
  const config = parse(await readFile(join(folder, "prometheus.yml"), "utf8")) as {
    readonly global: object;
    readonly rule_files: readonly string[];
    readonly scrape_configs: readonly [{ readonly static_configs: readonly { readonly targets: readonly string[] }[] }];
  };
  const [job] = config.scrape_configs;
  const [host, ...others] = job.static_configs;
  expect(host?.targets).toEqual(["127.0.0.1:7777"]);
  expect(others.flatMap(({ targets }) => targets)).toEqual(["tidemill:7777"]);
  return stringify({
    ...config,
    global: { ...config.global, scrape_interval: "500ms", scrape_timeout: "500ms", evaluation_interval: "500ms" },
    rule_files: config.rule_files.map((file) => join(folder, file)),
    scrape_configs: [{ ...job, static_configs: [{ ...host, targets: [new URL(metrics).host] }] }],
  });
}
