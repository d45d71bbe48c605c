import { expect } from "vitest";
import { dataOf, type Trial } from "../src/kit/testing.ts";
import type { KubeAnswer, KubernetesServer } from "./servers/kubernetes.ts";
import { until } from "./until.ts";

/** The body of an answer that is a yes. */
export async function done(answer: Promise<KubeAnswer>): Promise<KubeAnswer["body"]> {
  const { status, body } = await answer;
  if (status >= 300) throw new Error(`${status}: ${body.message}`);
  return body;
}

/** ConfigMaps with one value, in a namespace of their own, that the `resource` source is tried with. */
export interface ConfigMaps {
  readonly namespace: string;
  /** Of all, or of one. */
  path(name?: string): string;
  create(name: string, value?: string, labels?: object): Promise<KubeAnswer["body"]>;
  update(name: string, value: string): Promise<KubeAnswer["body"]>;
  remove(name: string): Promise<KubeAnswer["body"]>;
  /** When it resolves, the source has told everything that was done before. */
  settle(source: Trial): Promise<void>;
}

export async function makeConfigMaps(server: KubernetesServer, namespace: string): Promise<ConfigMaps> {
  await done(server.api("POST", "/api/v1/namespaces", { metadata: { name: namespace } }));
  const path = (name = "") => `/api/v1/namespaces/${namespace}/configmaps${name === "" ? "" : `/${name}`}`;
  const create = (name: string, value = "1", labels: object = {}) =>
    done(server.api("POST", path(), { metadata: { name, labels }, data: { value } }));
  return {
    namespace,
    path,
    create,
    update: (name, value) => done(server.api("PATCH", path(name), { data: { value } })),
    remove: (name) => done(server.api("DELETE", path(name))),
    async settle(source) {
      const name = `mark-${source.taken.length}`;
      await create(name);
      await until("the mark", () => lines(source).some((line) => line === `ADD ${name} 1`));
    },
  };
}

/** The data of an event. */
export interface Told {
  readonly type: string;
  readonly body: { readonly metadata: { readonly name: string }; readonly data?: Readonly<Record<string, string>> };
  readonly oldBody: { readonly data?: Readonly<Record<string, string>> } | null;
}

/** `ADD a 1`, `UPDATE a 2 was 1`: name and value of each. */
export function linesOf(all: readonly Told[]): readonly string[] {
  return all.map(({ type, body, oldBody }) => {
    const old = oldBody === null ? "" : ` was ${oldBody.data?.value}`;
    return `${type} ${body.metadata.name} ${body.data?.value ?? "?"}${old}`;
  });
}

/** What a source told, in the order it came. */
export function lines(source: Trial): readonly string[] {
  return linesOf(source.taken.map((one) => dataOf(one).json as Told));
}

export async function heard(source: Trial, expected: readonly string[]): Promise<void> {
  await until(`${expected.length} events`, () => source.taken.length >= expected.length).catch(() => undefined);
  expect(lines(source)).toEqual(expected);
}
