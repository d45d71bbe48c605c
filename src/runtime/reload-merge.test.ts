import { describe, expect, it } from "vitest";
import type { Manifests } from "../manifests/manifests.ts";
import { planTexts } from "../manifests/plan.ts";
import { lists } from "../manifests/read.ts";
import { mergeManifests, objectName, sourceName } from "./reload-merge.ts";

function read(texts: Readonly<Record<string, string>>, findings: Manifests["findings"] = []): Manifests {
  const files = Object.keys(texts);
  const given = files.map((file) => ({ file, folder: "/", named: true, text: texts[file] ?? "" }));
  const planned = planTexts(given, lists);
  return { ...planned, files, findings: [...findings, ...planned.findings] };
}

const source = (name: string, events: readonly string[] = ["a"], port = "12000"): string => `
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: ${name} }
spec: { webhook: { ${events.map((event) => `${event}: { port: "${port}", endpoint: /${name}/${event}, method: POST }`).join(", ")} } }
---`;
const sensor = (name: string, more = ""): string => `
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: ${name} }
spec:
  dependencies: [{ name: a, eventSourceName: one, eventName: a }]
  triggers: [{ template: { name: t, log: {}${more} } }]
---`;
const secret = (name: string): string => `
apiVersion: v1
kind: Secret
metadata: { name: ${name} }
stringData: { k: v }
---`;

const runs = (merged: { readonly manifests: Manifests }) => ({
  sources: merged.manifests.sources.map(sourceName),
  sensors: merged.manifests.sensors.map(objectName),
  secrets: merged.manifests.secrets.map(objectName),
});

describe("what is missing from the new manifests", () => {
  const running = read({ "a.yaml": source("one") + sensor("s") + secret("k"), "b.yaml": source("two") });

  it("goes, when its file is well", () => {
    const merged = mergeManifests(running, read({ "a.yaml": source("one") }));
    expect(runs(merged)).toEqual({ sources: ["default/one/a"], sensors: [], secrets: [] });
    expect(merged.old).toEqual({ sources: [], sensors: [], values: [] });
  });

  it("stays, when its file has an error in a text that nobody can read", () => {
    const merged = mergeManifests(running, read({ "a.yaml": `${source("one")}\n{ torn: [`, "b.yaml": "" }));
    expect(merged.old).toEqual({ sources: [], sensors: ["default/s"], values: ["Secret default/k"] });
    expect(runs(merged).sources).toEqual(["default/one/a"]);
  });

  it("goes, when another object of its file has an error and it stands there without its entry", () => {
    const two = read({ "a.yaml": source("one", ["a", "b"]) + sensor("s") });
    const merged = mergeManifests(two, read({ "a.yaml": source("one", ["a"]) + sensor("s", ", conditions: 'a &&'") }));
    expect(runs(merged)).toMatchObject({ sources: ["default/one/a"], sensors: ["default/s"] });
    expect(merged.old).toMatchObject({ sources: [], sensors: ["default/s"] });
  });

  it("stays, when its file or folder cannot be read at all", () => {
    const gone = {
      severity: "error",
      code: "FILE_UNREADABLE",
      path: [],
      message: "gone",
      file: "dir",
      line: 1,
      column: 1,
    };
    const merged = mergeManifests(running, read({ "a.yaml": source("one") }, [gone as Manifests["findings"][number]]));
    expect(merged.old.sources).toEqual(["default/two/a"]);
    // a.yaml was read, and is well
    expect(runs(merged).sensors).toEqual([]);
  });
});

describe("what is faulty in the new manifests", () => {
  it("stays as it was, entry by entry, and is not invalid", () => {
    const running = read({ "a.yaml": source("one", ["a", "b"]) + sensor("s") });
    const next = read({
      "a.yaml": source("one", ["a", "b"]).replace('port: "12000"', "prot: 1") + sensor("s", ", conditions: '('"),
    });
    const merged = mergeManifests(running, next);
    expect(runs(merged)).toMatchObject({ sources: ["default/one/b", "default/one/a"], sensors: ["default/s"] });
    expect(merged.manifests.invalidSensors).toEqual([]);
  });

  it("is invalid, when it never ran", () => {
    const merged = mergeManifests(
      read({ "a.yaml": source("one") }),
      read({ "a.yaml": source("one") + sensor("s", ", conditions: '('") }),
    );
    expect(merged.manifests.invalidSensors).toMatchObject([{ name: "s" }]);
  });

  it("still has its old version after a second bad edit", () => {
    const running = read({ "a.yaml": sensor("s") });
    const bad = read({ "a.yaml": sensor("s", ", conditions: '('") });
    const torn = read({ "a.yaml": "{ torn: [" });
    const again = mergeManifests(mergeManifests(running, bad).manifests, torn);
    expect(runs(again).sensors).toEqual(["default/s"]);
  });
});
