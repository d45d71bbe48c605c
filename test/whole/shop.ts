import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of one test with its manifests and its data; removed at the end. */
export interface Place extends AsyncDisposable {
  readonly manifests: string;
  readonly dataDir: string;
  write(file: string, text: string): Promise<void>;
  remove(file: string): Promise<void>;
}

/** In a new folder of `parent`. */
export async function makePlace(parent: string = tmpdir()): Promise<Place> {
  const root = await mkdtemp(join(parent, "tidemill-whole-"));
  const manifests = await mkdtemp(join(root, "manifests-"));
  return {
    manifests,
    dataDir: join(root, "data"),
    write: (file, text) => writeFile(join(manifests, file), text),
    remove: (file) => rm(join(manifests, file)),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

/** An EventSource with a webhook per name, all on one port: `POST /NAME`. */
export function webhooks(port: number, names: readonly string[], eventSource = "web"): string {
  const entries = names.map((name) => `    ${name}: { endpoint: /${name}, method: POST, port: "${port}" }\n`);
  return `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: ${eventSource} }
spec:
  webhook:
${entries.join("")}`;
}

export interface SensorSketch {
  readonly name: string;
  /** Names of webhooks; each is a dependency of that name. */
  readonly on: readonly string[];
  /** More of the dependency, as YAML in flow style: `filters: {...}`. */
  readonly filters?: string;
  /** Where its trigger posts to. */
  readonly url: string;
  /** More of the trigger, beside `template`, as YAML in flow style members. */
  readonly trigger?: string;
  readonly conditions?: string;
  readonly triggerName?: string;
  /** `web` unless given. */
  readonly eventSource?: string;
}

/** A sensor with one http trigger, whose payload has `body.n` of each dependency under the dependency's name. */
export function sensor(sketch: SensorSketch): string {
  const { name, on, filters, url, trigger, conditions, triggerName = "post", eventSource = "web" } = sketch;
  const dependencies = on.map(
    (source) =>
      `    - { name: ${source}, eventSourceName: ${eventSource}, eventName: ${source}${filters ? `, ${filters}` : ""} }\n`,
  );
  const payload = on.map(
    (source) => `          - { src: { dependencyName: ${source}, dataKey: body.n }, dest: ${source} }\n`,
  );
  return `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: ${name} }
spec:
  dependencies:
${dependencies.join("")}  triggers:
    - template:
        name: ${triggerName}
${conditions === undefined ? "" : `        conditions: ${JSON.stringify(conditions)}\n`}        http:
          url: ${url}
          method: POST
          payload:
${payload.map((line) => `  ${line}`).join("")}${trigger === undefined ? "" : `${trigger.replace(/^/gm, "      ")}\n`}`;
}

/** Posts one event until it is told 2xx or another final answer. */
export async function post(port: number, path: string, body: unknown): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}
