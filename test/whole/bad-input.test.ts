import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { drained, sumsUp } from "./drained.ts";
import { startProduct, verb } from "./product.ts";
import { makePlace, post, sensor, webhooks } from "./shop.ts";
import { startTarget } from "./target.ts";

const curious = (url: string): string => `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: curious }
spec:
  dependencies:
    - name: a
      eventSourceName: web
      eventName: a
      filtersLogicalOperator: or
      filters:
        dataLogicalOperator: or
        data:
          - { path: body.__proto__.polluted, type: number, value: ["1"] }
          - { path: body.constructor.prototype.x, type: string, value: ["^never$"] }
          - { path: body.n, type: number, comparator: ">=", value: ["0"] }
        exprs:
          - { expr: constructor == "yes", fields: [{ name: constructor, path: body.constructor }] }
  triggers:
    - template:
        name: post
        http:
          url: ${url}
          method: POST
          payload:
            - { src: { dependencyName: a, dataKey: body.__proto__.polluted, value: none }, dest: __proto__ }
            - { src: { dependencyName: a, dataKey: body.constructor, value: none }, dest: constructor.prototype }
            - { src: { dependencyName: a, dataKey: body.n, value: none }, dest: number }
            - { src: { dependencyName: a, dataTemplate: "{{ .Input.body.n }}", value: none }, dest: templated }
`;

describe("bad input over HTTP", { timeout: 60_000 }, () => {
  it("is answered and stops nothing", async () => {
    await using place = await makePlace();
    await using target = await startTarget();
    const port = await freePort();
    await place.write("web.yaml", webhooks(port, ["a"]));
    await place.write(
      "s.yaml",
      `${curious(`${target.url}/curious`)}---\n${sensor({ name: "plain", on: ["a"], url: `${target.url}/plain` })}`,
    );
    await using product = await startProduct({ dataDir: place.dataDir, paths: [place.manifests] });
    const send = async (body: string | Uint8Array): Promise<number> => {
      const response = await fetch(`http://127.0.0.1:${port}/a`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
      await response.arrayBuffer();
      return response.status;
    };
    const levels = 100_000;
    const cases: readonly (readonly [name: string, body: string | Uint8Array, statuses: readonly number[]])[] = [
      ["empty", "", [400]],
      ["broken", '{"n": 1', [400]],
      ["more than one value", '{"n": 1} {"n": 2}', [400]],
      ["not UTF-8", Buffer.from([0x7b, 0x22, 0x6e, 0x22, 0x3a, 0x22, 0xff, 0xfe, 0x22, 0x7d]), [200, 400]],
      ["a lone surrogate", '{"n":"\\ud800"}', [200]],
      ["NUL", '{"n":"\\u0000"}', [200]],
      ["over the limit", `{"n":"${"x".repeat(2 ** 20)}"}`, [413]],
      ["deep arrays", "[".repeat(levels) + "]".repeat(levels), [200, 400]],
      ["deep objects", `${'{"n":'.repeat(levels)}1${"}".repeat(levels)}`, [200, 400]],
      ["deep and never closed", "[".repeat(levels), [400]],
      ["prototype keys", '{"__proto__":{"polluted":1},"constructor":"yes","n":5}', [200]],
      ["a prototype path", '{"constructor":{"prototype":{"x":"never"}},"n":6}', [200]],
      ["huge numbers", '{"n":123456789012345678901234567890}', [200]],
      ["numbers beyond float64", '{"n":1e400}', [200, 400]],
      ["the same key twice", '{"n":1,"n":2}', [200]],
      ["many keys", `{${Array.from({ length: 50_000 }, (_, n) => `"k${n}":${n}`).join(",")}}`, [200]],
      ["a scalar", "7", [200]],
      ["null", "null", [200]],
    ];
    let accepted = 0;
    for (const [name, body, statuses] of cases) {
      const status = await send(body);
      expect(statuses, `${name} was answered ${status}`).toContain(status);
      if (status === 200) accepted += 1;
    }
    // slow clients hold up nobody
    const slow = connect(port, "127.0.0.1");
    const stalled = connect(port, "127.0.0.1");
    await Promise.all([once(slow, "connect"), once(stalled, "connect")]);
    slow.write("POST /a HTTP/1.1\r\nHost: x\r\nContent-Type: app");
    stalled.write("POST /a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
    const garbage = connect(port, "127.0.0.1");
    garbage.on("error", () => undefined);
    garbage.write(Buffer.from([0, 1, 2, 3, 255, 13, 10, 13, 10]));
    expect(await send('{"n":"last"}')).toBe(200);
    accepted += 1;
    slow.destroy();
    stalled.destroy();
    garbage.destroy();

    const audit = await drained(product);
    expect(sumsUp(audit)).toEqual([]);
    expect(audit.receipts.stored).toBe(accepted);
    // each event ended as a delivery or as a dead letter with its reason; `plain` demands body.n
    expect(audit.firings.done).toBe(target.hits.length);
    const bodies = target.of("/curious").map(({ body }) => body as Record<string, unknown>);
    const polluted = bodies.find((body) => body.number === "5");
    expect(Object.hasOwn(polluted ?? {}, "__proto__")).toBe(true);
    expect(JSON.stringify(polluted)).toContain('"__proto__":"1"');
    expect(bodies.map((body) => body.number)).toContain("123456789012345678901234567890");
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(target.of("/plain").some(({ body }) => (body as { a: string }).a === "last")).toBe(true);
    expect(await product.stop()).toBe(0);
  });
});

const bad: Readonly<Record<string, { readonly text: string; readonly says: RegExp }>> = {
  "yaml.yaml": { text: "apiVersion: argoproj.io/v1alpha1\nkind: Sensor\n  metadata: [\n", says: /./ },
  "kind.yaml": {
    text: "apiVersion: argoproj.io/v1alpha1\nkind: Sensor\nmetadata: { name: shapeless }\nspec: 7\n",
    says: /must be a map/,
  },
  "type.yaml": {
    text: "apiVersion: argoproj.io/v1alpha1\nkind: EventSource\nmetadata: { name: typo }\nspec:\n  webhok:\n    a: { port: '1' }\n",
    says: /webhok/,
  },
  "wrong.yaml": {
    text: "apiVersion: argoproj.io/v1alpha1\nkind: EventSource\nmetadata: { name: wrong }\nspec:\n  webhook:\n    a: { endpoint: /a, method: POST, port: { a: 1 } }\n",
    says: /port/,
  },
  "cron.yaml": {
    text: sensor({ name: "cron", on: ["a"], url: "http://127.0.0.1:1/x" }).replace(
      "        http:",
      "        conditionsReset: [{ byTime: { cron: '61 * * * *' } }]\n        http:",
    ),
    says: /61/,
  },
  "trigger.yaml": {
    text: sensor({ name: "untriggered", on: ["a"], url: "http://127.0.0.1:1/x" }).replace(
      "        http:",
      "        htttp:",
    ),
    says: /htttp/,
  },
  "regex.yaml": {
    text: sensor({
      name: "regex",
      on: ["a"],
      url: "http://127.0.0.1:1/x",
      filters: `filters: { data: [{ path: body.n, type: string, value: ["(unclosed"] }] }`,
    }),
    says: /unclosed|\(|paren/,
  },
  "template.yaml": {
    text: sensor({ name: "template", on: ["a"], url: "http://127.0.0.1:1/x" }).replace(
      "dataKey: body.n",
      "dataTemplate: '{{ .Input.x'",
    ),
    says: /./,
  },
  "expr.yaml": {
    text: sensor({
      name: "expr",
      on: ["a"],
      url: "http://127.0.0.1:1/x",
      filters: `filters: { exprs: [{ expr: "n ==", fields: [{ name: n, path: body.n }] }] }`,
    }),
    says: /./,
  },
  "conditions.yaml": {
    text: sensor({ name: "conditions", on: ["a"], url: "http://127.0.0.1:1/x", conditions: "a && nobody" }),
    says: /nobody/,
  },
};

describe("bad manifests beside good ones", { timeout: 60_000 }, () => {
  it("are each told with file, line and column, and the good ones run", async () => {
    await using place = await makePlace();
    await using target = await startTarget();
    const port = await freePort();
    await place.write(
      "a-good.yaml",
      `${webhooks(port, ["a"])}---\n${sensor({ name: "good", on: ["a"], url: `${target.url}/good` })}`,
    );
    for (const [file, { text }] of Object.entries(bad)) await place.write(file, text);
    await place.write("twice.yaml", sensor({ name: "good", on: ["a"], url: `${target.url}/second` }));
    await using product = await startProduct({ dataDir: place.dataDir, paths: [place.manifests] });
    const told = product
      .output()
      .split("\n")
      .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Record<string, unknown>] : []));
    for (const [file, { says }] of Object.entries(bad)) {
      const errors = told.filter((line) => line["log.level"] === "error" && String(line.file).endsWith(`/${file}`));
      expect(
        errors.length,
        `${file}: ${JSON.stringify(told.filter((line) => String(line.file).endsWith(file)))}`,
      ).toBeGreaterThan(0);
      for (const { line, column } of errors) {
        expect(line, file).toBeGreaterThan(0);
        expect(column, file).toBeGreaterThan(0);
      }
      expect(
        errors.some(({ message }) => says.test(String(message))),
        `${file}: ${JSON.stringify(errors)}`,
      ).toBe(true);
    }
    expect(told.some(({ message, file }) => /good/.test(String(message)) && String(file).endsWith("twice.yaml"))).toBe(
      true,
    );
    const response = await post(port, "/a", { n: 1 });
    expect(response.status).toBe(200);
    await until("the good one fired", () => target.of("/good").length === 1);
    const audit = await drained(product);
    expect(sumsUp(audit)).toEqual([]);
    expect(await product.stop()).toBe(0);
    // what runs with a warning lints with an error
    const linted = await verb(["lint", place.manifests]);
    expect(linted.code).toBe(1);
    for (const file of Object.keys(bad))
      expect(linted.out + linted.err).toMatch(new RegExp(`${file.replace(".", "\\.")}:\\d+:\\d+`));
  });

  it("alone are refused with exit code 1, and nothing is a stack trace", async () => {
    await using place = await makePlace();
    await place.write("yaml.yaml", bad["yaml.yaml"]?.text ?? "");
    const ended = await verb([
      "run",
      place.manifests,
      "--data-dir",
      place.dataDir,
      "--admin",
      "none",
      "--metrics",
      "none",
    ]);
    expect([1, 2]).toContain(ended.code);
    expect(ended.out + ended.err).not.toMatch(/^\s+at .*\.ts:\d+/m);
    expect(ended.out + ended.err).toContain("yaml.yaml");
  });
});
