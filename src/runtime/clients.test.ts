import { expect, it } from "vitest";
import { createEgress, localPolicy } from "../kit/egress.ts";
import type { ConnectContext, Trigger } from "../kit/trigger.ts";
import { silentLog } from "../lib/log.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { Clients } from "./clients.ts";

function bench() {
  const clock = new VirtualClock();
  const clients = new Clients(clock);
  const said: string[] = [];
  const values = { token: "one" };
  let opened = 0;
  const trigger = {
    kind: "fake",
    async connect(cx: ConnectContext<unknown>) {
      const name = `${await cx.secret({ name: "s", key: "token" })}#${++opened}`;
      said.push(`open ${name}`);
      return { name, [Symbol.asyncDispose]: async () => void said.push(`close ${name}`) };
    },
  } as unknown as Trigger<unknown, unknown>;
  const cx = {
    config: {},
    namespace: "default",
    folder: "",
    signal: new AbortController().signal,
    log: silentLog,
    clock,
    secret: () => Promise.resolve(values.token),
    configMap: () => Promise.resolve(""),
    sdk: <T>(_name: string, load: () => Promise<T>) => load(),
    keep: <T extends AsyncDisposable>(name: string, open: () => T) => clients.keep(name, open),
    egress: createEgress(localPolicy),
    cluster: undefined,
  };
  return {
    clock,
    clients,
    said,
    values,
    lease: (key: string, of: Partial<typeof cx> = {}) => clients.lease(trigger, key, { ...cx, ...of }),
  };
}

it("keeps one connection per key", async () => {
  const { clients, said, lease } = bench();
  await (await lease("a")).giveBack();
  await (await lease("a")).giveBack();
  await (await lease("b")).giveBack();
  expect(said).toEqual(["open one#1", "open one#2"]);
  await clients[Symbol.asyncDispose]();
  expect(said).toHaveLength(4);
});

it("never shares a connection between namespaces, where one Secret's name means two, nor between folders", async () => {
  const { said, values, lease } = bench();
  await (await lease("a")).giveBack();
  values.token = "theirs";
  const theirs = await lease("a", { namespace: "other" });
  expect(theirs.client).toMatchObject({ name: "theirs#2" });
  await theirs.giveBack();
  await (await lease("a", { folder: "/elsewhere" })).giveBack();
  expect(said).toHaveLength(3);
});

it("keeps one of what lasts per name, and disposes it with the connections", async () => {
  const { clients, said } = bench();
  const open = () => ({ [Symbol.asyncDispose]: async () => void said.push("closed") });
  expect(clients.keep("cache", open)).toBe(clients.keep("cache", open));
  expect(clients.keep("other", open)).not.toBe(clients.keep("cache", open));
  await clients[Symbol.asyncDispose]();
  expect(said).toEqual(["closed", "closed"]);
});

it("opens anew when a secret that it read has changed, and closes the old one when nobody uses it", async () => {
  const { clock, said, values, lease } = bench();
  const held = await lease("a");
  values.token = "two";
  await clock.advance(5_000);
  const fresh = await lease("a");
  expect(said).toEqual(["open one#1", "open two#2"]);
  await held.giveBack();
  expect(said).toContain("close one#1");
  await fresh.giveBack();
  expect(said).not.toContain("close two#2");
});

it("closes what nobody used for a minute", async () => {
  const { clock, said, lease } = bench();
  await (await lease("a")).giveBack();
  await clock.advance(60_000);
  await (await lease("b")).giveBack();
  expect(said).toEqual(["open one#1", "open one#2", "close one#1"]);
});
