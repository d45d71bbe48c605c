import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { argoWorkflow } from "../argo-workflow.ts";
import { trial } from "../trial.ts";
import { compileSelector, parseArgs } from "./args.ts";
import { operations } from "./config.ts";

const apiVersion = "argoproj.io/v1alpha1";

describe("argoWorkflow", () => {
  const source = { resource: { apiVersion, kind: "Workflow", metadata: { name: "w" } } };
  const found = (config: object) =>
    [...(argoWorkflow.lint?.(argoWorkflow.config.parse(config)) ?? [])].map(
      ({ severity, path, message }) => `${severity} ${path.join(".")}: ${message}`,
    );

  it("says what cannot work, the flags by name", () => {
    expect(found({ source })).toEqual(["error operation: operation is missing"]);
    expect(
      found({ source, operation: "submit", args: ["--wait", "--fancy", "x", "-p", "a", "file.yaml", "--name"] }),
    ).toEqual([
      "error args.0: the flag --wait cannot be followed here",
      "error args.1: argo's flag --fancy is not known here",
      'error args.3: -p: "a" is not NAME=VALUE',
      'error args.5: "file.yaml" is no flag',
      "error args.6: --name needs a value",
    ]);
    expect(found({ source, operation: "suspend", args: ["-p", "a=1", "--memoized"] })).toEqual([
      "error args.0: -p is no flag for operation suspend",
      "error args.2: --memoized is no flag for operation suspend",
    ]);
    expect(found({ source, operation: "submit", args: ["--node-field-selector", "phase=abc"] })).toEqual([]);
    expect(found({ source, operation: "stop", args: ["--message=it is enough", "-v"] })).toEqual([]);
    expect(found({ source, operation: "resume", args: ["--node-field-selector", "a"] })).toEqual([
      'error args.0: --node-field-selector: "a" is not FIELD=VALUE,FIELD!=VALUE',
    ]);
    expect(found({ source, operation: "retry" })).toEqual([
      "warning operation: operation retry is the Argo Server's own work, and no server is named: each firing will fail",
    ]);
    expect(found({ source, operation: "retry", server: { url: "argo:2746" } })).toEqual([
      "error server.url: server.url is no URL",
    ]);
    const nameless = { resource: { apiVersion, kind: "WorkflowTemplate", metadata: {} } };
    expect(found({ source: nameless, operation: "submit" })).toEqual([
      "error source.resource.metadata: operation submit needs metadata.name or metadata.generateName",
      "warning source.resource.kind: operation submit cannot use a WorkflowTemplate",
    ]);
    expect(found({ source: nameless, operation: "submit-from" })).toEqual([
      "error source.resource.metadata: operation submit-from needs metadata.name",
    ]);
  });

  it("refuses an argument that a parameter made", async () => {
    await using one = await trial(argoWorkflow, { source, operation: "submit", args: ["--fancy"] });
    await expect(one.fire()).rejects.toMatchObject({ code: "WORKFLOW_ARGUMENT", retry: "never" });
  });
});

describe("args", () => {
  it("whatever is written, each argument is taken once, or named", () => {
    const word = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "-p",
        "--parameter",
        "--name=",
        "--memoized",
        "-v",
        "--strict=false",
        "-o",
        "--",
        "-",
        "a=b",
        "-pa=b",
      ),
    );
    fc.assert(
      fc.property(fc.constantFrom(...operations), fc.array(word, { maxLength: 8 }), (operation, args) => {
        const { options, faults } = parseArgs(operation, args);
        const places = faults.map(({ index }) => index);
        expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
        expect(options.parameters.every((one) => one.includes("="))).toBe(true);
        const taken = options.parameters.length + options.values.size + options.set.size + faults.length;
        expect(taken).toBeLessThanOrEqual(args.length);
      }),
    );
  });

  it("select fields as Kubernetes does", () => {
    const of = (fields: Readonly<Record<string, string>>) => (name: string) => fields[name] ?? "";
    const holds = (text: string, fields: Readonly<Record<string, string>>) => compileSelector(text)?.(of(fields));
    expect(holds("phase=Running,name!=a", { phase: "Running", name: "b" })).toBe(true);
    expect(holds("phase==Running,name!=a", { phase: "Running", name: "a" })).toBe(false);
    expect(holds("name=a\\,b\\=c", { name: "a,b=c" })).toBe(true);
    expect(holds("name=", {})).toBe(true);
    expect(["a", "=a", "a=b=c", "a=b,", "a=b\\", ""].map((text) => compileSelector(text))).toEqual(
      Array(6).fill(undefined),
    );
  });
});
