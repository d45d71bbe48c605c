import { describe, expect, it } from "vitest";
import { compileSensor } from "./compile.ts";
import { testPlace, testPlan, testSpec } from "./testing.ts";

const findingsOf = (spec: unknown) =>
  compileSensor({ spec }, testPlace).findings.map((one) => `${one.severity} ${one.path.join(".")}: ${one.message}`);

/** The findings of a sensor with one dependency with these filters. */
const ofFilters = (filters: object, more: object = {}) =>
  findingsOf(testSpec({ dependencies: [{ name: "a", eventSourceName: "src", eventName: "a", filters, ...more }] }));
const ofTrigger = (trigger: object, template: object = {}) =>
  findingsOf(testSpec({ dependencies: ["a"], trigger, template }));
const dep = "spec.dependencies.0";
const trg = "spec.triggers.0";

describe("compileSensor", () => {
  it("compiles the smallest sensor with Argo's defaults", () => {
    const plan = testPlan(testSpec({ dependencies: ["a"] }));
    expect(plan).toMatchObject({ namespace: "default", bus: "default", name: "sensor", folder: "/" });
    expect(plan.revision).toMatch(/^[0-9a-f]{16}$/);
    expect(plan.triggers[0]).toMatchObject({
      name: "t",
      kind: "log",
      template: '{"name":"t","log":{}}',
      parameters: [],
      retry: { attempts: 5, baseMs: 1000, factor: 1, jitter: 1, declared: false },
      policy: undefined,
      rateLimit: undefined,
      atLeastOnce: false,
      concurrency: 32,
      dlqTrigger: undefined,
      path: ["spec", "triggers", 0],
    });
  });

  it("names a revision by content, whatever the order of keys", () => {
    const one = testPlan({
      dependencies: [{ name: "a", eventSourceName: "s", eventName: "e" }],
      triggers: [{ template: { name: "t", log: {} } }],
    });
    const same = testPlan({
      triggers: [{ template: { log: {}, name: "t" } }],
      dependencies: [{ eventName: "e", eventSourceName: "s", name: "a" }],
    });
    const other = testPlan(testSpec({ dependencies: ["b"] }));
    expect(same.revision).toBe(one.revision);
    expect(same.dependencies[0]?.hash).toBe(one.dependencies[0]?.hash);
    expect(other.revision).not.toBe(one.revision);
  });

  it("compiles again from the spec that the plan keeps", () => {
    const plan = testPlan(testSpec({ dependencies: ["a"], triggers: { t: "a" } }));
    expect(testPlan(plan.spec).revision).toBe(plan.revision);
  });

  it("takes null for absent, except inside a Kubernetes object", () => {
    const spec = testSpec({ dependencies: ["a"] });
    const k8s = { operation: "create", source: { resource: { metadata: { annotations: null } } }, parameters: null };
    const [trigger] = spec.triggers;
    const written = {
      ...spec,
      triggers: [{ ...trigger, retryStrategy: null, template: { name: "t", k8s, http: null } }],
    };
    expect(testPlan(written).triggers[0]?.template).toBe(
      '{"name":"t","k8s":{"operation":"create","source":{"resource":{"metadata":{"annotations":null}}}}}',
    );
  });

  it("reports everything at once, and gives no plan", () => {
    const compiled = compileSensor(
      { spec: testSpec({ dependencies: ["a", "a"], triggers: { t: "a &&", u: "b" } }) },
      testPlace,
    );
    expect(compiled.plan).toBeUndefined();
    expect(compiled.findings.map((one) => [one.code, one.path.join(".")])).toEqual([
      ["SENSOR_INVALID", "spec.dependencies.1.name"],
      ["EXPRESSION_INVALID", "spec.triggers.0.template.conditions"],
      ["EXPRESSION_INVALID", "spec.triggers.1.template.conditions"],
    ]);
  });

  it("says where inside an expression the fault is", () => {
    const spec = testSpec({ dependencies: ["a", "b"], triggers: { t: "a && c" } });
    expect(compileSensor({ spec }, testPlace).findings).toMatchObject([{ offset: 5, severity: "error" }]);
  });

  it("survives any JSON in the place of a Sensor", () => {
    for (const object of [
      null,
      1,
      "x",
      [],
      {},
      { spec: null },
      { spec: [] },
      { spec: { dependencies: {}, triggers: 1 } },
    ])
      expect(compileSensor(object, testPlace)).toMatchObject({ plan: undefined });
    expect(findingsOf({ dependencies: [], triggers: [] })).toHaveLength(2);
  });

  it("warns of a dependency that no trigger names", () => {
    expect(findingsOf(testSpec({ dependencies: ["a", "b"], triggers: { t: "a" } }))).toEqual([
      "warning spec.dependencies.1.name: no trigger's conditions name b",
    ]);
  });

  it("refuses globs that cannot be read, with their place", () => {
    const a = { name: "a", eventSourceName: "{x", eventName: "y[" };
    expect(findingsOf(testSpec({ dependencies: [a], triggers: { t: "a" } }))).toEqual([
      "error spec.dependencies.0.eventSourceName: nothing closes the {",
      "error spec.dependencies.0.eventName: nothing closes the [",
    ]);
  });

  it("refuses transforms and scripts that cannot be read, with the place of the fault", () => {
    const faults = (more: object, filters: object = {}) => {
      const a = { name: "a", eventSourceName: "src", eventName: "a", filters, ...more };
      return compileSensor({ spec: testSpec({ dependencies: [a] }) }, testPlace).findings.map(
        ({ severity, code, path, offset }) => `${severity} ${code} ${path.slice(3).join(".")} at ${offset}`,
      );
    };
    expect(faults({ transform: { jq: ".body |" } })).toEqual(["error EXPRESSION_INVALID transform.jq at 7"]);
    expect(faults({ transform: { jq: "nothing(.)" } })).toEqual(["error EXPRESSION_INVALID transform.jq at 0"]);
    expect(faults({ transform: { script: "return =" } })).toEqual(["error EXPRESSION_INVALID transform.script at 7"]);
    expect(faults({}, { script: "if x then" })[0]).toContain("error EXPRESSION_INVALID filters.script at ");
    expect(faults({}, { script: "return io.open('x')" })).toEqual(["error EXPRESSION_UNSUPPORTED filters.script at 7"]);
    expect(faults({ transform: { jq: ".", script: "return event" } })).toEqual([
      "warning SENSOR_DOUBTFUL transform.script at undefined",
    ]);
  });
});

describe("filters are checked", () => {
  const data = (item: object) => ofFilters({ data: [{ path: "p", type: "string", value: ["x"], ...item }] });
  it("values, comparators and expressions of data filters", () => {
    expect(data({})).toEqual([]);
    expect(data({ type: "number" })).toEqual([`error ${dep}.filters.data.0.value.0: "x" is not a number`]);
    expect(data({ type: "bool", value: ["yes"] })).toEqual([
      `error ${dep}.filters.data.0.value.0: "yes" is not a bool`,
    ]);
    expect(data({ value: ["a", "("] })[0]).toContain(`error ${dep}.filters.data.0.value.1: `);
    expect(data({ template: "{{ nope }}" })[0]).toContain(`error ${dep}.filters.data.0.template: `);
    for (const wrong of [
      { type: "object" },
      { comparator: "==" },
      { value: [] },
      { value: [""] },
      { path: "" },
      { value: [1] },
    ])
      expect(data(wrong)[0]).toContain(`error ${dep}.filters.data.0.`);
  });

  it("comparators that will surprise", () => {
    expect(data({ comparator: ">" })[0]).toContain("warning");
    expect(data({ comparator: "!=", value: ["a", "b"] })[0]).toContain("as soon as the value differs from one");
    expect(data({ comparator: "!=", value: ["true"], type: "bool" })[0]).toContain("always compared for equality");
  });

  it("expressions, their fields and what is ignored of them", () => {
    const expr = (text: string, ...names: string[]) =>
      ofFilters({ exprs: [{ expr: text, fields: names.map((name) => ({ name, path: name })) }] });
    expect(expr("a == 1", "a")).toEqual([]);
    expect(expr("a ==", "a")[0]).toContain(`error ${dep}.filters.exprs.0.expr: `);
    expect(expr("a == b", "a")[0]).toContain("b is not among the fields");
    expect(expr("a == 1")[0]).toContain(`error ${dep}.filters.exprs.0.fields`);
  });

  it("context, time and operators", () => {
    expect(ofFilters({ context: { id: "1" } })).toEqual([
      `error ${dep}.filters.context: no field of the context is given: no event would pass`,
    ]);
    const time = (start: string, stop: string, timezone?: string) => ofFilters({ time: { start, stop, timezone } });
    expect(time("09:00:00", "9:30:00")).toEqual([]);
    expect(time("09:00", "25:00:00")).toHaveLength(2);
    expect(time("09:00:00", "09:00:00")).toEqual([`error ${dep}.filters.time.stop: stop is equal to start`]);
    expect(time("09:00:00", "10:00:00", "Mars/Base")).toEqual([
      `error ${dep}.filters.time.timezone: there is no time zone "Mars/Base"`,
    ]);
    expect(ofFilters({ dataLogicalOperator: "xor" })[0]).toContain(`error ${dep}.filters.dataLogicalOperator`);
    expect(ofFilters({}, { filtersLogicalOperator: "AND" })[0]).toContain(`error ${dep}.filtersLogicalOperator`);
  });
});

describe("triggers are checked", () => {
  it("the type: a misspelt one is named, of several the first runs", () => {
    const typed = (template: object) =>
      findingsOf({ ...testSpec({ dependencies: ["a"] }), triggers: [{ template: { name: "t", ...template } }] });
    expect(
      compileSensor(
        { spec: { ...testSpec({ dependencies: ["a"] }), triggers: [{ template: { name: "t", openwhisk: {} } }] } },
        testPlace,
      ).findings,
    ).toMatchObject([{ path: ["spec", "triggers", 0, "template", "openwhisk"], fix: "did you mean openWhisk?" }]);
    expect(typed({})).toEqual([`error ${trg}.template: the template has no trigger type`]);
    expect(typed({ log: {}, http: {} })).toEqual([
      `warning ${trg}.template: of several trigger types only http runs; without effect: log`,
    ]);
  });

  it("types beyond Argo's when they are told", () => {
    const spec = { ...testSpec({ dependencies: ["a"] }), triggers: [{ template: { name: "t", sqs: {} } }] };
    expect(compileSensor({ spec }, { ...testPlace, kinds: ["sqs"] }).plan?.triggers[0]?.kind).toBe("sqs");
  });

  it("duplicate names", () => {
    const spec = testSpec({ dependencies: ["a"] });
    expect(findingsOf({ ...spec, triggers: [...spec.triggers, ...spec.triggers] })).toEqual([
      "error spec.triggers.1.template.name: there is another trigger t",
    ]);
  });

  it("retryStrategy (reference 0, Backoff)", () => {
    const retry = (retryStrategy: object) =>
      testPlan(testSpec({ dependencies: ["a"], trigger: { retryStrategy } })).triggers[0]?.retry;
    expect(retry({})).toEqual({ attempts: 5, baseMs: 1000, factor: 1, jitter: 1, declared: true });
    expect(retry({ steps: 3, duration: "2m", factor: 2.5, jitter: 0 })).toMatchObject({
      attempts: 3,
      baseMs: 120_000,
      factor: 2.5,
      jitter: 0,
    });
    expect(retry({ steps: 0, duration: 5_000_000_000, factor: "2", jitter: "0.1" })).toMatchObject({
      attempts: 5,
      baseMs: 5000,
      factor: 2,
      jitter: 0.1,
    });
    for (const [key, value] of [
      ["duration", "10"],
      ["duration", "soon"],
      ["factor", "two"],
      ["jitter", -1],
      ["factor", "inf"],
      ["steps", 1.5],
    ] as const)
      expect(ofTrigger({ retryStrategy: { [key]: value } })[0]).toContain(`error ${trg}.retryStrategy.${key}: `);
    expect(ofTrigger({ retryStrategy: { duration: 5 } })[0]).toContain("counts nanoseconds");
  });

  it("rateLimit and concurrency", () => {
    const plan = (trigger: object) => testPlan(testSpec({ dependencies: ["a"], trigger })).triggers[0];
    expect(plan({ rateLimit: { requestsPerUnit: 5 } })?.rateLimit).toEqual({ count: 5, perMs: 1000 });
    expect(plan({ rateLimit: { unit: "Hour", requestsPerUnit: 1 } })?.rateLimit).toEqual({
      count: 1,
      perMs: 3_600_000,
    });
    expect(plan({ concurrency: 4 })?.concurrency).toBe(4);
    expect(plan({ atLeastOnce: true })).toMatchObject({ concurrency: 1, serial: true });
    expect(plan({ concurrency: 4, atLeastOnce: true })).toMatchObject({ concurrency: 4, serial: false });
    for (const trigger of [
      { rateLimit: {} },
      { rateLimit: { requestsPerUnit: 0 } },
      { rateLimit: { unit: "Day", requestsPerUnit: 1 } },
      { concurrency: 0 },
    ])
      expect(ofTrigger(trigger)[0]).toContain("error");
  });

  it("policy", () => {
    const plan = (policy: object, template = {}) =>
      testPlan(testSpec({ dependencies: ["a"], trigger: { policy }, template })).triggers[0]?.policy;
    expect(plan({ status: { allow: [200, 201] } }, { http: {} })).toEqual({ allow: [200, 201] });
    expect(plan({ k8s: { labels: { a: "b" }, backoff: { steps: 2 } } }, { k8s: {} })).toEqual({
      k8s: { labels: { a: "b" }, attempts: 2, baseMs: 1000, factor: 1, jitter: 1, errorOnBackoffTimeout: false },
    });
    expect(ofTrigger({ policy: { status: { allow: [200] } } })[0]).toContain("the policy has no effect");
    expect(ofTrigger({ policy: { status: {} } }, { http: {} })[0]).toContain(`error ${trg}.policy.status.allow`);
  });

  it("dlqTrigger: both need atLeastOnce, and it gets the same events", () => {
    const dlqTrigger = { atLeastOnce: true, template: { name: "dead", log: {} } };
    const plan = testPlan(testSpec({ dependencies: ["a"], trigger: { atLeastOnce: true, dlqTrigger } })).triggers[0];
    expect(plan?.dlqTrigger).toMatchObject({ name: "dead", kind: "log", path: ["spec", "triggers", 0, "dlqTrigger"] });
    expect(plan?.dlqTrigger?.conditions).toBe(plan?.conditions);
    expect(ofTrigger({ dlqTrigger })[0]).toContain("must have atLeastOnce: true");
    expect(ofTrigger({ atLeastOnce: true, dlqTrigger: { template: { name: "x", log: {} } } })).toEqual([
      `error ${trg}.dlqTrigger: a dlqTrigger must have atLeastOnce: true`,
    ]);
    expect(ofTrigger({ atLeastOnce: true, dlqTrigger: { template: {} } })[0]).toContain(
      `${trg}.dlqTrigger.template.name`,
    );
    const nested = { ...dlqTrigger, dlqTrigger };
    expect(ofTrigger({ atLeastOnce: true, dlqTrigger: nested })).toEqual([
      `warning ${trg}.dlqTrigger.dlqTrigger: a dlqTrigger's own dlqTrigger never runs`,
    ]);
  });

  it("parameters: names, keys and templates, also of the type's own lists", () => {
    const parameter = (src: object, dest = "d") => ({ src: { dependencyName: "a", ...src }, dest });
    const listed = (...parameters: object[]) => ofTrigger({ parameters });
    expect(listed(parameter({ dataKey: "x" }))).toEqual([]);
    expect(listed(parameter({ dependencyName: "A1" }))[0]).toContain("the parameter is always skipped");
    expect(listed(parameter({}, ""))).toEqual([`error ${trg}.parameters.0.dest: dest must not be empty`]);
    expect(listed(parameter({ dataTemplate: "{{ .Input" }))[0]).toContain(
      `error ${trg}.parameters.0.src.dataTemplate: `,
    );
    expect(listed(parameter({ dataTemplate: "{{ .Input", dataKey: "x" }))[0]).toContain("warning");
    expect(listed(parameter({ dataTemplate: '{{ env "HOME" }}', value: "x" }))[0]).toContain("error");
    expect(listed(parameter({ contextKey: "id", dataKey: "x" }))[0]).toContain("without effect");
    expect(listed({ ...parameter({}), operation: "replace" })[0]).toContain(`error ${trg}.parameters.0.operation`);
    const payload = (kind: string) =>
      ofTrigger({}, { log: undefined, [kind]: { payload: [parameter({ dependencyName: "b" }, "")] } });
    expect(payload("http")).toEqual([
      `warning ${trg}.template.http.payload.0.src.dependencyName: there is no dependency b: the parameter is always skipped`,
    ]);
    expect(payload("kafka")).toHaveLength(2);
  });

  it("conditionsReset", () => {
    const reset = (cron: string, timezone?: string) =>
      ofTrigger({}, { conditionsReset: [{ byTime: { cron, timezone } }] });
    for (const cron of [
      "0 0 * * *",
      "*/5 0-6/2 1,15 JAN-mar MON",
      "CRON_TZ=Europe/Berlin 0 0 * * ?",
      "*/90 5/10 31 2 *",
    ])
      expect(reset(cron)).toEqual([]);
    for (const cron of [
      "",
      "0 0 * *",
      "0 0 0 * * *",
      "@daily",
      "60 * * * *",
      "* * * * 7",
      "* * L * *",
      "5-1 * * * *",
      "*/0 * * * *",
      "x * * * *",
      "TZ=Nowhere 0 0 * * *",
    ])
      expect(reset(cron)[0]).toContain(`error ${trg}.template.conditionsReset.0.byTime.cron: `);
    expect(reset("0 0 * * *", "Nowhere")).toEqual([
      `error ${trg}.template.conditionsReset.0.byTime.timezone: there is no time zone "Nowhere"`,
    ]);
    expect(ofTrigger({}, { conditionsReset: [{}] })[0]).toContain("byTime");
  });
});

describe("conditionsReset ticks", () => {
  const endingOf = (...schedules: { cron: string; timezone?: string }[]) => {
    const conditionsReset = schedules.map((byTime) => ({ byTime }));
    const ending = testPlan(testSpec({ dependencies: ["a"], template: { conditionsReset } })).triggers[0]?.ending;
    return (at: string) => {
      const atMs = ending?.(Date.parse(at))?.atMs;
      return atMs === undefined ? undefined : new Date(atMs).toISOString();
    };
  };
  it("are the next of any schedule, in its zone, UTC without one", () => {
    expect(endingOf({ cron: "0 0 * * *" })("2026-07-05T12:00:00Z")).toBe("2026-07-06T00:00:00.000Z");
    const berlin = endingOf({ cron: "0 0 * * *", timezone: "Europe/Berlin" });
    expect(berlin("2026-07-05T12:00:00Z")).toBe("2026-07-05T22:00:00.000Z");
    expect(berlin("2026-07-05T22:00:00Z")).toBe("2026-07-06T22:00:00.000Z");
    expect(berlin("2026-07-05T12:00:00Z")).toBe("2026-07-05T22:00:00.000Z");
    const both = endingOf({ cron: "0 6 * * *" }, { cron: "CRON_TZ=Asia/Tokyo 0 6 * * *" });
    expect(both("2026-01-01T00:00:00Z")).toBe("2026-01-01T06:00:00.000Z");
    expect(both("2026-01-01T07:00:00Z")).toBe("2026-01-01T21:00:00.000Z");
    expect(endingOf({ cron: "0 0 31 2 *" })("2026-01-01T00:00:00Z")).toBeUndefined();
  });
});
