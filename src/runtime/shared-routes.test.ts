import { afterEach, beforeEach, expect, test } from "vitest";
import { makeIdentity } from "../../examples/stand-in/certificate.ts";
import { freePort } from "../../test/servers/server.ts";
import type { Joining, Member } from "../kit/webhook.ts";
import { silentLog } from "../lib/log.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { createListeners, type Listeners } from "./listeners.ts";

let clock: VirtualClock;
let listeners: Listeners;
let port = 0;

beforeEach(async () => {
  clock = new VirtualClock();
  listeners = createListeners({ log: silentLog, clock });
  port = await freePort();
});
afterEach(() => listeners.close());

type Tls = { readonly cert: string; readonly key: string };

/** Joins an entry; it is answered with who is there, those that are away in brackets. */
function join(owner: string, more: Partial<Joining<string>> & { readonly tls?: Tls } = {}): Promise<AsyncDisposable> {
  const { tls, ...rest } = more;
  const route = { port, path: "/", method: "POST", maxBytes: 1_000, owner };
  return listeners.share({
    group: "g",
    port,
    path: "/",
    owner,
    member: owner.toUpperCase(),
    route: async () => (tls === undefined ? route : { ...route, tls }),
    serve: async (_, members) => ({ status: 200, body: members.map(shown).join(" ") }),
    ...rest,
  });
}

const shown = ({ value, away }: Member<string>): string => (away === undefined ? value : `(${value})`);
const ask = async (): Promise<string> => {
  const answer = await fetch(`http://127.0.0.1:${port}/`, { method: "POST" });
  return `${answer.status} ${await answer.text()}`;
};

test("one request is for all who share the route, in the order of their owners", async () => {
  await Promise.all(["b", "a", "c"].map((owner) => join(owner)));
  expect(await ask()).toBe("200 A B C");
});

test("all who join at once are there before the first request, whoever is ready last", async () => {
  const slow = Promise.withResolvers<undefined>();
  const late = join("late", {
    route: async () => {
      await slow.promise;
      return { port, path: "/", method: "POST", maxBytes: 1_000, owner: "late" };
    },
  });
  await join("early");
  expect(await ask()).toBe("200 EARLY LATE");
  slow.resolve(undefined);
  await late;
});

test("who has left is away for 30 s, unless it comes back, and then forgotten", async () => {
  await join("a");
  const b = await join("b");
  await b[Symbol.asyncDispose]();
  expect(await ask()).toBe("200 A (B)");
  await clock.advance(30_000);
  expect(await ask()).toBe("200 A (B)");
  const again = await join("b");
  expect(await ask()).toBe("200 A B");
  await again[Symbol.asyncDispose]();
  await clock.advance(30_001);
  expect(await ask()).toBe("200 A");
});

test("who comes back at once does not open a gap for the others", async () => {
  const [a, b] = [await join("a"), await join("b")];
  using _ = listeners.keepPorts();
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
  expect(await ask()).toMatch(/^503 /);
  await join("b");
  expect(await ask()).toBe("200 (A) B");
});

test("who is there, but takes nothing, is away", async () => {
  let away: string | undefined;
  await join("a", { away: () => away });
  expect(await ask()).toBe("200 A");
  away = "it is paused";
  expect(await ask()).toBe("200 (A)");
});

test("the port closes with the last, and opens again", async () => {
  const [a, b] = [await join("a"), await join("b")];
  await a[Symbol.asyncDispose]();
  expect(listeners.ports()).toEqual([port]);
  await b[Symbol.asyncDispose]();
  expect(listeners.ports()).toEqual([]);
  await expect(ask()).rejects.toThrow("fetch failed");
  await join("b");
  expect(await ask()).toBe("200 (A) B");
});

test("a route that cannot be opened is an error for each, and can be tried again", async () => {
  const rival = await listeners.route({ port, path: "/", method: "POST", maxBytes: 1, owner: "rival" }, async () => ({
    status: 200,
    body: "rival",
  }));
  const refused = { code: "ROUTE_TAKEN" };
  await Promise.all([
    expect(join("a")).rejects.toMatchObject(refused),
    expect(join("b")).rejects.toMatchObject(refused),
    expect(join("a", { group: "other" })).rejects.toMatchObject(refused),
  ]);
  await rival[Symbol.asyncDispose]();
  await join("a");
  expect(await ask()).toBe("200 A (B)");
});

test("all who share a route have one certificate", async () => {
  await join("a");
  const { certificate, privateKey } = await makeIdentity("127.0.0.1", new Date());
  const tls = { cert: certificate, key: String(privateKey) };
  await expect(join("b", { tls })).rejects.toMatchObject({ code: "ROUTE_INVALID" });
  expect(await ask()).toBe("200 A (B)");
});
