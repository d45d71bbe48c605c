import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { compileEventPattern } from "../../src/expressions/event-pattern.ts";
import { compileExpr } from "../../src/expressions/expr-lang.ts";
import { ExpressionError } from "../../src/expressions/fault.ts";
import { asString, compilePath, get } from "../../src/expressions/gjson.ts";
import { compileRegexp } from "../../src/expressions/go-regexp.ts";
import { compileTemplate } from "../../src/expressions/go-template.ts";
import { compileGovaluate } from "../../src/expressions/govaluate.ts";
import { compileJq } from "../../src/expressions/jq.ts";
import { queryJsonPath } from "../../src/expressions/jsonpath.ts";
import { compileLua } from "../../src/expressions/lua.ts";
import { setRaw, setString } from "../../src/expressions/sjson.ts";
import { canonicalName } from "../../src/kit/headers.ts";
import { parseDurationMs } from "../../src/lib/duration.ts";
import { readYaml } from "../../src/manifests/yaml.ts";
import { normalised } from "../../src/runtime/dead-letter-cause.ts";
import { bodyOf } from "../../src/sources/webhook-body.ts";
import { createLog } from "../../src/telemetry/logger.ts";
import { createRedactor } from "../../src/telemetry/redact.ts";
import { isAddress, mailboxOf } from "../../src/triggers/email/config.ts";
import { type Fields, setField } from "../../src/triggers/http/headers.ts";
import { identifier, quoted } from "../../src/triggers/sql/statement.ts";

/*
 * What a sender of events may try with their data. The tests beside each part try its own corners; here is what concerns
 * them all: long texts against every pattern of ours, depth against everything that walks, keys with a meaning of their own,
 * and text that would be another line, header or statement where it is put.
 */

/** Text that an event may have, at which one or the other pattern would try every beginning with every end. */
const long = 50_000;
const texts: Readonly<Record<string, string>> = {
  digits: `${"1".repeat(long)}x`,
  "digits and a dot": `${"1".repeat(long)}.${"1".repeat(long)}e`,
  blanks: `x${" ".repeat(long)}x`,
  tabs: `x${"\t ".repeat(long)}x`,
  letters: `${"a".repeat(long)}!`,
  dots: `${"a.".repeat(long)}!`,
  dashes: `x${"-".repeat(long)}x`,
  quotes: `"${'\\"'.repeat(long)}`,
  slashes: `x${"/".repeat(long)}x`,
  "slashes and pluses": `x${"/+".repeat(long)}x`,
  brackets: "<".repeat(long),
  stars: `${"*a".repeat(long)}b`,
  zeros: `-${"0".repeat(long)}x`,
  ats: "a@".repeat(long),
  "line ends": `x${"\r\n".repeat(long)}x`,
};

const budget = { nowMs: 0, random: () => 0.5 };
const onText = (source: string) => {
  const template = compileTemplate(`{{ ${source} }}`);
  return (text: string) => template.render({ Input: { t: text } }, budget);
};
const onJq = (source: string) => {
  const program = compileJq(source);
  return (text: string) => program.transform(JSON.stringify(text), { maxSteps: 1_000_000 });
};
const onExpr = (source: string) => {
  const expression = compileExpr(source);
  return (text: string) => expression.evaluateAny({ t: text });
};

const readers: Readonly<Record<string, (text: string) => unknown>> = {
  "jq tonumber": onJq("tonumber"),
  "jq gsub": onJq('gsub("(a+)+$"; "x")'),
  "jq dates": onJq('strptime("%Y-%m-%d")'),
  "jq @base64d": onJq("@base64d"),
  "jq fromjson": onJq("fromjson"),
  "jq split, ltrimstr, ascii_downcase, test": onJq('split(" ") | join("-") | ascii_downcase | test("(x+x+)+y")'),
  "expr float": onExpr("float(t)"),
  "expr int": onExpr("int(t)"),
  "expr matches": onExpr("t matches '^(a+)+$'"),
  "expr trim, split, upper": onExpr("upper(join(split(trim(t), ' '), '-'))"),
  "expr duration": onExpr("duration(t)"),
  "expr date": onExpr("date(t)"),
  "expr fromBase64": onExpr("fromBase64(t)"),
  "expr fromJSON": onExpr("fromJSON(t)"),
  "template trim": onText("trim .Input.t"),
  "template atoi": onText("atoi .Input.t"),
  "template float64": onText("float64 .Input.t"),
  "template regexMatch": onText('regexMatch "^(a|a)*$" .Input.t'),
  "template regexReplaceAll": onText('regexReplaceAll "(-+)+" .Input.t "$1"'),
  "template regexFindAll": onText('regexFindAll "[a-z.]+" .Input.t 3'),
  "template semver": onText('semverCompare ">=1.0.0-0" .Input.t'),
  "template durations": onText("duration .Input.t"),
  "template toDecimal": onText("toDecimal .Input.t"),
  "template names": onText("snakecase .Input.t"),
  "template kebabcase": onText("kebabcase .Input.t"),
  "template wrap": onText("wrap 80 .Input.t"),
  "template initials": onText("initials .Input.t"),
  "template urlParse": onText("urlParse .Input.t"),
  "template b64dec": onText("b64dec .Input.t"),
  "template fromJson": onText("fromJson .Input.t"),
  "template date": onText('toDate "2006-01-02" .Input.t'),
  "template splitList": onText('splitList " " .Input.t'),
  "template nospace, quote, squote": onText("nospace .Input.t | quote | squote"),
  "template expandenv": onText('replace "$" "x" .Input.t'),
  "govaluate pattern": (text) => compileGovaluate("t =~ '^(a+)+$'").evaluate(new Map([["t", text]])),
  "govaluate comparison": (text) => compileGovaluate("t == '2020-01-01'").evaluate(new Map([["t", text]])),
  "govaluate source": (text) => compileGovaluate(text),
  "expr source": (text) => compileExpr(text),
  "jq source": (text) => compileJq(text),
  "template source": (text) => compileTemplate(`{{ ${text} }}`),
  "lua source": (text) => compileLua(text),
  "gjson path": (text) => get('{"a":{"b":1}}', compilePath(text)),
  "gjson wildcard": (text) => get(JSON.stringify({ [text]: 1 }), compilePath("*a*a*a*b")),
  "gjson pattern": (text) => get(JSON.stringify([{ n: text }]), compilePath('#(n%"*a*a*b").n')),
  "gjson text": (text) => asString(get(JSON.stringify({ t: text }), compilePath("t"))),
  "sjson value": (text) => setString("{}", "a.b", text),
  "jsonpath number": (text) => queryJsonPath(JSON.stringify([{ n: text }]), "$[?(@.n > 1)]"),
  "jsonpath pattern": (text) => queryJsonPath(JSON.stringify([{ n: text }]), "$[?(@.n =~ '(a+)+$')]"),
  "event pattern wildcard": (text) => compileEventPattern('{"t":[{"wildcard":"*a*a*a*b"}]}').matches({ t: text }),
  "event pattern cidr": (text) => compileEventPattern('{"t":[{"cidr":"10.0.0.0/8"}]}').matches({ t: text }),
  "event pattern numeric": (text) => compileEventPattern('{"t":[{"numeric":["=",1]}]}').matches({ t: text }),
  "lua patterns": (text) =>
    compileLua('return {a = tonumber(event.t), b = #event.t, c = (string.gsub(event.t, "%s+", " ")) }').transform(
      JSON.stringify({ t: text }),
    ),
  regexp: (text) => compileRegexp("(x+x+)+y|(a|aa)+$").test(text),
  "a duration": (text) => parseDurationMs(text),
  // Node takes headers of 16 KiB together
  "a content type": (text) =>
    bodyOf(requestOf(Buffer.from("x"), `a${text.replaceAll(/[\r\n]/g, "").slice(0, 15_000)}`)),
  "a header's value": (text) => setField(new Map(), "X-A", text.replaceAll(/[\r\n]/g, "")),
  "a header's name": (text) => canonicalName(text),
  "a mail address": (text) => [isAddress(text), mailboxOf(text)],
  "the cause of a dead letter": (text) => normalised(text),
  "a table's name": (text) => identifier(text),
  yaml: (text) => readYaml(`a: ${text}\n`),
  redaction: (text) => createRedactor().clean(text),
};

/** The result, or undefined where it is refused as it should be. */
function tried(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    if (error instanceof ExpressionError || (error as Error).name === "TideError") return undefined;
    throw error;
  }
}

/** Processor time: the machine may have other work. A program's own budget is a second and a half. */
function cpuMs(run: () => unknown): number {
  const before = process.cpuUsage();
  tried(run);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

describe("a long text of an event takes a time that is in proportion", () => {
  test.each(Object.entries(readers))("%s", (_, read) => {
    const slow: string[] = [];
    for (const [name, text] of Object.entries(texts)) {
      const ms = cpuMs(() => read(text));
      if (ms > 2_000) slow.push(`${name}: ${Math.round(ms)} ms`);
    }
    expect(slow).toEqual([]);
  });
});

describe("an event that is nested without end", () => {
  const depth = 100_000;
  const arrays = `${"[".repeat(depth)}${"]".repeat(depth)}`;
  const objects = `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
  const walkers: Readonly<Record<string, (json: string) => unknown>> = {
    "gjson get": (json) => get(json, compilePath("a.a.a|@ugly")),
    "gjson search": (json) => get(json, compilePath("..#.a")),
    "gjson pretty": (json) => get(json, compilePath("@pretty")),
    "sjson set": (json) => setRaw(json, "a.a.b", "1"),
    jsonpath: (json) => queryJsonPath(json, "$..a"),
    jq: (json) => compileJq("[..] | length").transform(json, { maxSteps: 100_000 }),
    "jq tojson": (json) => compileJq("tojson | fromjson").transform(json, { maxSteps: 100_000 }),
    lua: (json) => compileLua("event.b = 1 return event").transform(json),
    expr: (json) => compileExpr("toJSON($env)").evaluateAny(JSON.parse(json)),
    template: (json) => compileTemplate("{{ toJson .Input }}").render({ Input: JSON.parse(json) }, budget),
    "template print": (json) => compileTemplate("{{ .Input }}").render({ Input: JSON.parse(json) }, budget),
    "template deepEqual": (json) =>
      compileTemplate("{{ deepEqual .Input .Input }}").render({ Input: JSON.parse(json) }, budget),
    "event pattern": (json) => compileEventPattern('{"a":{"a":["x"]}}').matches(JSON.parse(json)),
    yaml: (json) => readYaml(json),
  };
  test.each(Object.entries(walkers))("%s gives an answer or a refusal", (_, walk) => {
    for (const json of [arrays, objects]) expect(cpuMs(() => walk(json))).toBeLessThan(8_000);
  });
});

describe("a manifest that is made to be read for ever", () => {
  const bombs: Readonly<Record<string, string>> = {
    "twenty thousand documents": "a: 1\n---\n".repeat(20_000),
    "merge keys of merge keys": `a0: &a0 { k: v }\n${Array.from({ length: 60 }, (_, n) => `a${n + 1}: &a${n + 1} { <<: [*a${n}, *a${n}] }`).join("\n")}\n`,
    "one scalar of a megabyte": `a: "${"x".repeat(1_000_000)}"\n`,
    "twenty thousand anchors": Array.from({ length: 20_000 }, (_, n) => `k${n}: &a${n} 1`).join("\n"),
    "the same key again and again": "k: 1\n".repeat(20_000),
    "tags without end": `a: ${"!x ".repeat(20_000)}1\n`,
    "comments alone": "# c\n".repeat(100_000),
  };
  test.each(Object.entries(bombs))("%s", (_, text) => {
    expect(cpuMs(() => readYaml(text))).toBeLessThan(8_000);
  });
});

describe("keys that mean something to JavaScript", () => {
  const evil = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"a":1}';
  const paths = [
    "__proto__.polluted",
    "constructor.prototype.polluted",
    "a.__proto__.polluted",
    "__proto__.__proto__.x",
  ];
  const makers: Readonly<Record<string, () => unknown>> = {
    sjson: () => paths.map((path) => setRaw(setString(evil, path, "x"), path, "{}")),
    jq: () =>
      paths.map((path) =>
        compileJq(`.${path} = 1 | setpath(["${path.split(".").join('","')}"]; 2)`).transform("{}", {}),
      ),
    lua: () =>
      compileLua(
        "event.__proto__ = {polluted = 1} event.constructor = {prototype = event} return {a = event.a}",
      ).transform(evil),
    expr: () => [
      compileExpr("__proto__.polluted").evaluateAny(JSON.parse(evil)),
      compileExpr('{"__proto__": {"polluted": 1}}').evaluateAny({}),
    ],
    template: () =>
      compileTemplate(
        '{{ $d := dict "__proto__" .Input }}{{ $_ := set $d "constructor" 1 }}{{ merge $d .Input | toJson }}',
      ).render({ Input: JSON.parse(evil) }, budget),
    yaml: () =>
      readYaml(
        `__proto__: { polluted: 1 }\n<<: { __proto__: { polluted: 1 } }\nconstructor: { prototype: { polluted: 1 } }`,
      ),
  };
  test.each(Object.entries(makers))("%s keeps them as data", (_, make) => {
    const before = Object.getOwnPropertyNames(Object.prototype).join();
    tried(make);
    expect("polluted" in {}).toBe(false);
    expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(before);
    expect(Object.getPrototypeOf(JSON.parse("{}"))).toBe(Object.prototype);
  });
});

describe("text of an event stays where it is put", () => {
  test("in a header it begins no other one", () => {
    for (const bad of ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rb", "a\0b", "a\u007fb"]) {
      const fields: Fields = new Map();
      expect(() => setField(fields, "X-A", bad)).toThrow("control characters");
      expect(() => setField(fields, `X-${bad}`, "v")).toThrow();
      expect(fields.size).toBe(0);
    }
  });

  test("in a log line for people it begins no other line and moves no cursor", () => {
    const lines: string[] = [];
    const log = createLog({
      ...{ format: "pretty", level: "trace", version: "", redactor: createRedactor(), colour: false },
      write: (line) => lines.push(line),
    });
    log.warn(
      { error: "bad\n12:00:00.000 info  all is well", name: "\u001b[2J\u009b31m\r", at: { deep: "\u001b[1m\n" } },
      "refused",
    );
    log.error({ err: new Error("thrown\n\u001b[2Jwith\u2028lines") }, "failed");
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      expect(line.endsWith("\n")).toBe(true);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(line.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
    }
  });

  test("in a log line for machines it is one line of JSON", () => {
    const lines: string[] = [];
    const log = createLog({
      ...{ format: "ecs", level: "trace", version: "", redactor: createRedactor(), colour: false },
      write: (line) => lines.push(line),
    });
    log.warn({ error: 'x"}\n{"log.level":"info"' }, "refused");
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).not.toContain("\n");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ "log.level": "warn" });
  });

  test("in a name of a table or column it is a name", () => {
    for (const kind of ["mysql", "postgres", "sqlite"] as const) {
      for (const name of ['a"; drop table t; --', "a`b", "a\0b", "a]b", "x".repeat(10_000)]) {
        const used = identifier(name) === undefined ? quoted(name, kind) : "";
        const mark = kind === "mysql" ? "`" : '"';
        expect(used.startsWith(mark) && used.endsWith(mark)).toBe(used !== "");
        expect(used.slice(1, -1).replaceAll(mark + mark, "")).not.toContain(mark);
      }
    }
  });
});

describe("a body that unpacks to a thousand times its size", () => {
  test("is data as it came: nothing here unpacks what a sender packed", () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const types = ["application/octet-stream", "application/gzip", "text/plain; charset=latin1"];
    for (const type of types) {
      const made = bodyOf(requestOf(bomb, type));
      expect("json" in made && made.json.length < bomb.length * 6).toBe(true);
    }
    expect(bodyOf(requestOf(bomb, "application/json"))).toHaveProperty("fault");
  });
});

function requestOf(body: Uint8Array, type: string): Parameters<typeof bodyOf>[0] {
  const rawHeaders = ["content-type", type, "content-encoding", "gzip"];
  return { method: "POST", body, query: "", rawHeaders } as unknown as Parameters<typeof bodyOf>[0];
}
