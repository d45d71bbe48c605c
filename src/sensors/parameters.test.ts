import { describe, expect, it } from "vitest";
import { fromBytes } from "../expressions/go-text.ts";
import type { Parameter, ParameterSource } from "../kit/trigger.ts";
import { isTide } from "../lib/errors.ts";
import type { Event } from "../lib/event.ts";
import { eventJson } from "./event-json.ts";
import { applyParameters, buildPayload, createPrograms, resolveParameter, resolveParameters } from "./parameters.ts";
import { testEvent } from "./testing.ts";

const cx = { nowMs: 0, random: () => 0.5, programs: createPrograms() };
const text = `{"s":"a<b","n":12345678901234567890,"f":1.50,"t":true,"z":null,"o":{"k": [1, 2],"b":1},"q":"say \\"hi\\""}`;
const event = testEvent({ id: "e1", data: new TextEncoder().encode(text) });
const events = new Map([["a", event]]);

const src = (fields: Partial<ParameterSource>): ParameterSource => ({ dependencyName: "a", ...fields });
const resolve = (fields: Partial<ParameterSource>, from: ReadonlyMap<string, Event> = events) =>
  resolveParameter(src(fields), from, cx)?.value;
const payload = (...parameters: Parameter[]) => fromBytes(buildPayload(parameters, { events, cx }));
const apply = (json: string, ...parameters: Parameter[]) => applyParameters(json, parameters, { events, cx });

function fault(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (isTide(error, "PARAMETER_UNRESOLVED")) return error.message;
    throw error;
  }
  throw new Error("it did not fail");
}

describe("resolveParameter (reference 3.7)", () => {
  const context =
    '{"id":"e1","source":"src","specversion":"1.0","type":"webhook","datacontenttype":"application/json",' +
    '"subject":"ev","time":"2026-01-05T09:00:00Z"}';

  it("gives the whole event when nothing is selected, unless there is a value", () => {
    expect(resolve({})).toBe(`{"context":${context},"data":"${Buffer.from(text).toString("base64")}"}`);
    expect(resolve({ value: "v" })).toBe("v");
    expect(resolve({ value: "" })).toBe("");
    expect(eventJson(testEvent({ id: "<", data: new Uint8Array() }))).toMatch(
      /^\{"context":\{"id":"\\u003c".*"data":null\}$/,
    );
  });

  it("finds data by key: scalars as text, the rest as it stands", () => {
    const table: readonly [key: string, value: string][] = [
      ["s", "a<b"],
      ["n", "12345678901234567890"],
      ["f", "1.5"],
      ["t", "true"],
      ["z", "null"],
      ["o", '{"k": [1, 2],"b":1}'],
      ["o.k", "[1, 2]"],
      ["o.k.1", "2"],
      ["q", 'say "hi"'],
    ];
    for (const [dataKey, value] of table) expect(resolve({ dataKey })).toBe(value);
  });

  it("finds context by key, but data wins entirely where both are given", () => {
    expect(resolve({ contextKey: "id" })).toBe("e1");
    expect(resolve({ contextKey: "time" })).toBe("2026-01-05T09:00:00Z");
    expect(resolve({ contextKey: "id", dataKey: "s" })).toBe("a<b");
    expect(fault(() => resolve({ contextKey: "id", dataKey: "nope" }))).toContain("nothing at nope");
  });

  it("takes the template, then the key, then the value", () => {
    expect(resolve({ dataTemplate: "{{ .Input.s }}!", dataKey: "n" })).toBe("a<b!");
    expect(resolve({ contextTemplate: "{{ .Input.source }}/{{ .Input.subject }}" })).toBe("src/ev");
    expect(resolve({ dataTemplate: "{{ .Input.nope }}", dataKey: "t" })).toBe("true");
    expect(resolve({ dataTemplate: "{{ .Input.s.deep.er }}", dataKey: "t" })).toBe("true");
    expect(resolve({ dataTemplate: "{{ broken", dataKey: "t" })).toBe("true");
    expect(resolve({ dataTemplate: "{{ if false }}x{{ end }}", dataKey: "nope", value: "v" })).toBe("v");
    expect(fault(() => resolve({ dataTemplate: "{{ .Input.nope }}" }))).toContain("prints nothing");
  });

  it("falls back to the value for what is not there, and fails without one", () => {
    expect(resolve({ dataKey: "nope", value: "v" })).toBe("v");
    expect(fault(() => resolve({ dataKey: "nope" }))).toBe("the event of a: the data has nothing at nope");
    expect(resolve({ dependencyName: "b", dataKey: "s" })).toBeUndefined();
    expect(resolve({ dependencyName: "b", dataKey: "s", value: "v" })).toBe("v");
  });

  it("reads data that is JSON or YAML and says so", () => {
    const of = (datacontenttype: string, data: string) =>
      new Map([["a", testEvent({ datacontenttype, data: new TextEncoder().encode(data) })]]);
    const yaml = of("application/yaml", "b: yes\na: [1, 2.5, x]\nd: 2026-01-05\nm: 010\n");
    expect(resolve({ dataKey: "@this" }, yaml)).toBe('{"a":[1,2.5,"x"],"b":true,"d":"2026-01-05","m":8}');
    expect(fault(() => resolve({ dataKey: "s" }, of("text/plain", text)))).toContain("content type is text/plain");
    expect(fault(() => resolve({ dataKey: "s" }, of("application/json", "{")))).toContain("not JSON");
    expect(fault(() => resolve({ dataKey: "s" }, of("application/yaml", "a: [")))).toContain("not YAML");
    expect(resolve({ dataKey: "s", value: "v" }, of("application/json", ""))).toBe("v");
    expect(resolve({ contextKey: "datacontenttype" }, of("text/plain", "x"))).toBe("text/plain");
  });
});

describe("buildPayload (reference 3.7)", () => {
  it("puts values in as text, or raw with useRawData where they are no strings", () => {
    const one = (dataKey: string, useRawData?: boolean): Parameter => ({
      src: src({ dataKey, useRawData }),
      dest: "v",
    });
    expect(payload(one("n"))).toBe('{"v":"12345678901234567890"}');
    expect(payload(one("n", true))).toBe('{"v":12345678901234567890}');
    expect(payload(one("o", true))).toBe('{"v":{"k": [1, 2],"b":1}}');
    expect(payload(one("o"))).toBe('{"v":"{\\"k\\": [1, 2],\\"b\\":1}"}');
    expect(payload(one("s", true))).toBe('{"v":"a<b"}');
    expect(payload(one("z"))).toBe('{"v":"null"}');
    expect(payload(one("z", true))).toBe('{"v":null}');
    expect(payload({ src: src({ dataTemplate: "{{ 1 }}", useRawData: true }), dest: "v" })).toBe('{"v":"1"}');
    expect(payload({ src: src({ value: "1", useRawData: true }), dest: "v" })).toBe('{"v":"1"}');
  });

  it("makes missing parents and keeps the order of the parameters", () => {
    const parameters = [
      { src: src({ dataKey: "t", useRawData: true }), dest: "z.list.0.x" },
      { src: src({ dataKey: "s" }), dest: "a" },
    ];
    expect(payload(...parameters)).toBe('{"z":{"list":[{"x":true}]},"a":"a<b"}');
  });

  it("takes the value of an empty dest for the whole body and ignores what comes later", () => {
    const whole = { src: src({ dataKey: "o" }), dest: "" };
    expect(
      payload({ src: src({ dataKey: "s" }), dest: "x" }, whole, { src: src({ dataKey: "nope" }), dest: "y" }),
    ).toBe('{"k": [1, 2],"b":1}');
  });

  it("is empty without parameters", () => {
    expect(payload()).toBe("");
  });

  it("skips a parameter whose dependency has no event, whatever its dest (L3)", () => {
    const absent = { src: { dependencyName: "b", dataKey: "s" }, dest: "x" };
    expect(payload(absent, { src: src({ dataKey: "t" }), dest: "y" })).toBe('{"y":"true"}');
    expect(payload({ ...absent, dest: "" }, { src: src({ dataKey: "t" }), dest: "y" })).toBe('{"y":"true"}');
  });

  it("keeps bytes that are not UTF-8", () => {
    const bytes = new Uint8Array([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d]);
    const from = new Map([["a", testEvent({ data: bytes })]]);
    const parameters = [{ src: src({ dataKey: "@this", useRawData: true }), dest: "" }];
    expect(buildPayload(parameters, { events: from, cx })).toEqual(bytes);
  });

  it("names the parameter that fails", () => {
    const message = fault(() => payload({ src: src({ dataKey: "nope" }), dest: "body.x" }));
    expect(message).toBe('parameter "body.x" from "nope": the event of a: the data has nothing at nope');
    expect(
      fault(() => payload({ src: src({ dataKey: "s" }), dest: "l.0" }, { src: src({ dataKey: "s" }), dest: "l.k" })),
    ).toContain('parameter "l.k" from "s"');
  });
});

describe("applyParameters (reference 3.7)", () => {
  const to = (dest: string, operation?: Parameter["operation"], more: Partial<ParameterSource> = {}): Parameter => ({
    src: src({ dataKey: "t", ...more }),
    dest,
    operation,
  });

  it("overwrites, appends and prepends, and leaves all other bytes alone", () => {
    const json = '{ "http": {"url":"http://x/",  "n": 1.50} }';
    expect(apply(json, to("http.url", "append"))).toBe('{ "http": {"url":"http://x/true",  "n": 1.50} }');
    expect(apply(json, to("http.url", "prepend"))).toBe('{ "http": {"url":"truehttp://x/",  "n": 1.50} }');
    expect(apply(json, to("http.url", "overwrite"))).toBe('{ "http": {"url":"true",  "n": 1.50} }');
    expect(apply(json, to("http.new", "append"))).toContain('"new":"true"');
  });

  it("appends to the text of what is there, and the result is text", () => {
    const raw = { useRawData: true };
    expect(apply('{"a":1}', to("a", "append", raw))).toBe('{"a":"1true"}');
    expect(apply('{"a":{"b": 1}}', to("a", "prepend", raw))).toBe('{"a":"true{\\"b\\": 1}"}');
    expect(apply("{}", to("a", "append", raw))).toBe('{"a":true}');
  });

  it("finds its place by a query, and does nothing where there is none", () => {
    const json = '{"ps":[{"name":"x","value":""},{"name":"y","value":""}]}';
    expect(apply(json, to('ps.#(name=="y").value'))).toBe(
      '{"ps":[{"name":"x","value":""},{"name":"y","value":"true"}]}',
    );
    expect(apply(json, to('ps.#(name=="z").value'))).toBe(json);
  });

  it("skips what has no event and fails on what has no value", () => {
    expect(apply("{}", to("a", "", { dependencyName: "b" }))).toBe("{}");
    expect(fault(() => apply("{}", to("a", "", { dataKey: "nope" })))).toContain('parameter "a" from "nope"');
  });

  it("takes hostile keys for data", () => {
    expect(apply("{}", to("__proto__.polluted"))).toBe('{"__proto__":{"polluted":"true"}}');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe("resolveParameters", () => {
  it("gives each value by its dest and leaves absent ones out", () => {
    const parameters = [
      { src: src({ dataKey: "s" }), dest: "X-S" },
      { src: src({ dependencyName: "b", dataKey: "s" }), dest: "X-B" },
    ];
    expect(resolveParameters(parameters, { events, cx })).toEqual(new Map([["X-S", "a<b"]]));
  });
});
