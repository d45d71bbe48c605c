import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { declaredEnv, expand, inheritedEnv } from "./job-env.ts";
import { readJob } from "./job-spec.ts";
import { shellJob } from "./job-trial.ts";

const known = new Map([
  ["A", "1"],
  ["B", "$(A)"],
  ["", "empty"],
]);

describe("$(NAME)", () => {
  it.each([
    ["$(A)", "1"],
    ["x$(A)y$(A)", "x1y1"],
    ["$(B)", "$(A)"],
    ["$(C)", "$(C)"],
    ["$$(A)", "$(A)"],
    ["$$$(A)", "$1"],
    ["$A $", "$A $"],
    ["$(A", "$(A"],
    ["$(A $$", "$(A $"],
    ["$()", "empty"],
    ["$$", "$"],
    ["$", "$"],
  ])("%j is %j", (text, expected) => {
    expect(expand(text, known)).toBe(expected);
  });

  it("is expanded as a walk character by character does", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("$", "(", ")", "A", "B", "x") }), (text) => {
        expect(expand(text, known)).toBe(walk(text));
      }),
      { numRuns: 2000 },
    );
  });

  it("takes linear time on what never closes", () => {
    const started = performance.now();
    expand("$(".repeat(500_000), known);
    expand("$$(".repeat(500_000), known);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

/** The rule, one character at a time. */
function walk(text: string): string {
  if (text.length < 2) return text;
  if (text[0] !== "$") return text[0] + walk(text.slice(1));
  if (text[1] === "$") return `$${walk(text.slice(2))}`;
  const end = text.indexOf(")");
  if (text[1] !== "(" || end < 0) return text.slice(0, 2) + walk(text.slice(2));
  const name = text.slice(2, end);
  return (known.get(name) ?? `$(${name})`) + walk(text.slice(end + 1));
}

describe("variables", () => {
  const none = async () => undefined;
  const values = { secret: none, configMap: none, secretData: none, configMapData: none };

  async function envOf(env: object[], container: object = {}) {
    const spec = readJob(shellJob("one", "true", { container: { env, ...container } }));
    const pod = { name: "one-x", namespace: "shop", uid: "u", spec: { ...spec, labels: { a: "1" } } };
    const first = spec.containers[0];
    if (first === undefined) throw new Error("no container");
    return Object.fromEntries(await declaredEnv(first, pod, values));
  }

  it("can name those before them, and later ones win", async () => {
    const env = [
      { name: "B", value: "$(A)" },
      { name: "A", value: "1" },
      { name: "C", value: "$(A)$(B)" },
      { name: "A", value: "2" },
      { name: "E" },
    ];
    expect(await envOf(env)).toEqual({ A: "2", B: "$(A)", C: "1$(A)", E: "" });
  });

  it("tell about the pod", async () => {
    const of = (fieldPath: string) => ({ name: fieldPath, valueFrom: { fieldRef: { fieldPath } } });
    const paths = ["metadata.name", "metadata.uid", "metadata.labels['a']", "metadata.labels['b']", "status.podIP"];
    expect(Object.values(await envOf(paths.map(of)))).toEqual(["one-x", "u", "1", "", "127.0.0.1"]);
    expect(await envOf([{ name: "__proto__", value: "1" }])).toEqual(Object.fromEntries([["__proto__", "1"]]));
  });

  it("from what is not there are left out when optional, and hold the job up otherwise", async () => {
    const ref = (optional: boolean) => [{ name: "A", valueFrom: { secretKeyRef: { name: "s", key: "k", optional } } }];
    expect(await envOf(ref(true))).toEqual({});
    await expect(envOf(ref(false))).rejects.toThrow("Secret shop/s has no key k");
    await expect(envOf([], { envFrom: [{ configMapRef: { name: "c" } }] })).rejects.toThrow("ConfigMap shop/c");
    expect(await envOf([], { envFrom: [{ configMapRef: { name: "c", optional: true } }] })).toEqual({});
  });

  it("of tidemill that a job gets are few", () => {
    const env = { PATH: "/bin", LC_ALL: "C", TIDEMILL_SECRET_A__B: "x", AWS_SECRET_ACCESS_KEY: "x", PATHX: "x" };
    expect(inheritedEnv(env)).toEqual({ PATH: "/bin", LC_ALL: "C" });
  });
});
