import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentLog } from "../lib/log.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { Access, refuseWithout, scopeOf } from "./access.ts";
import { openAccess } from "./access-open.ts";
import { FailedTries } from "./access-tries.ts";
import { makeToken } from "./tokens.ts";
import { TokensFolder } from "./tokens-folder.ts";

let dir = "";
let number = 0;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "tidemill-access-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const startMs = Date.parse("2026-03-01T10:00:30Z");

async function opened(options: { readonly required?: boolean } = {}) {
  const clock = new VirtualClock(startMs);
  const tokens = new TokensFolder(join(dir, String(number++)));
  const access = new Access({ tokens, required: options.required ?? true, keepLastUse: true, clock, log: silentLog });
  const add = async (name: string, scope: "view" | "operate" | "admin" = "view", lifeMs?: number) => {
    const made = makeToken({ name, scope, nowMs: clock.nowMs(), lifeMs });
    await tokens.add(made.record);
    return made;
  };
  return { clock, tokens, access, add };
}

const bearer = (token: string) => `Bearer ${token}`;
const stranger = makeToken({ name: "x", scope: "admin", nowMs: 0 }).token;

describe("who asks", () => {
  test("is told by the token, from the moment it is made until it is revoked", async () => {
    const { access, add, tokens } = await opened();
    const { token, record } = await add("ci", "operate");
    expect(await access.who(bearer(token), "10.0.0.1")).toEqual({ name: "ci", scope: "operate", tokenId: record.id });
    await tokens.remove(record.id);
    await expect(access.who(bearer(token), "10.0.0.1")).rejects.toMatchObject({ code: "TOKEN_REFUSED" });
  });

  test("is nobody without a token where one is needed, and this machine's user where none is", async () => {
    await expect((await opened()).access.who(undefined, "::1")).rejects.toMatchObject({ code: "TOKEN_REQUIRED" });
    const { access } = await opened({ required: false });
    expect(await access.who(undefined, "::1")).toEqual({ name: "local", scope: "admin" });
    await expect(access.who(bearer(stranger), "::1")).rejects.toMatchObject({ code: "TOKEN_REFUSED" });
  });

  test("other forms of authorization are refused like a wrong token", async () => {
    const { access, add } = await opened();
    const { token } = await add("ci");
    for (const header of ["", "Basic YTpi", token, "Bearer", `Bearer ${token} x`, `Bearer ${token}x`]) {
      await expect(access.who(header, `10.0.0.${header.length}`), header).rejects.toMatchObject({
        code: "TOKEN_REFUSED",
      });
    }
    expect(await access.who(`bearer ${token}`, "10.1.0.1")).toMatchObject({ name: "ci" });
  });

  test("an expired token is refused", async () => {
    const { access, add, clock } = await opened();
    const { token } = await add("ci", "view", 60_000);
    expect(await access.who(bearer(token), "::1")).toMatchObject({ name: "ci" });
    await clock.advance(60_000);
    await expect(access.who(bearer(token), "::1")).rejects.toMatchObject({ code: "TOKEN_REFUSED" });
  });

  test("the token of the run itself is the local user's", async () => {
    const { access } = await opened();
    expect(await access.who(bearer(access.ownToken), "::1")).toEqual({ name: "local", scope: "admin" });
  });

  test("the last use is kept to the minute, and survives beside that of others", async () => {
    const { access, add, clock, tokens } = await opened();
    const [one, two] = [await add("one"), await add("two")];
    await Promise.all([1, 2, 3].map(() => access.who(bearer(one.token), "::1")));
    await access.settled();
    expect(Object.fromEntries(await tokens.lastUse())).toEqual({ [one.record.id]: "2026-03-01T10:00:00.000Z" });
    await clock.advance(60_000);
    await access.who(bearer(two.token), "::1");
    await access.settled();
    expect(Object.fromEntries(await tokens.lastUse())).toEqual({
      [one.record.id]: "2026-03-01T10:00:00.000Z",
      [two.record.id]: "2026-03-01T10:01:00.000Z",
    });
  });
});

describe("wrong tokens", () => {
  test("are answered with longer and longer pauses, for one address", async () => {
    const { access, clock } = await opened();
    const tried = async (address: string) =>
      access
        .who(bearer(stranger), address)
        .catch((error: { code: string; retry: unknown }) => [error.code, error.retry]);
    for (let n = 0; n < 5; n++) expect(await tried("10.0.0.1")).toEqual(["TOKEN_REFUSED", "never"]);
    expect(await tried("10.0.0.1")).toEqual(["TOKEN_TRIES", { afterMs: 1_000 }]);
    expect(await tried("10.0.0.2")).toEqual(["TOKEN_REFUSED", "never"]);
    await clock.advance(1_000);
    expect(await tried("10.0.0.1")).toEqual(["TOKEN_REFUSED", "never"]);
    expect(await tried("10.0.0.1")).toEqual(["TOKEN_TRIES", { afterMs: 2_000 }]);
  });

  test("do not lock out who has a right one behind the same address", async () => {
    const { access, add } = await opened();
    const { token } = await add("ci");
    for (let n = 0; n < 20; n++) await access.who(bearer(stranger), "10.0.0.1").catch(() => undefined);
    expect(await access.who(bearer(token), "10.0.0.1")).toMatchObject({ name: "ci" });
  });

  test("of one IPv6 network count together, in every spelling", () => {
    const tries = new FailedTries(new VirtualClock(startMs));
    const spelt = ["2001:db8::1", "2001:db8:0:0:1::", "2001:0db8:0:0:ffff::2", "2001:db8::5%eth0", "2001:db8::9"];
    for (const address of spelt) tries.failed(address, "");
    expect(tries.pauseMs("2001:db8::77", "")).toBe(1_000);
    expect(tries.pauseMs("2001:db8:0:1::77", "")).toBe(0);
    expect(tries.pauseMs("::ffff:10.0.0.1", "")).toBe(0);
  });

  test("are forgotten after a while, and do not fill the memory", async () => {
    const clock = new VirtualClock(startMs);
    const tries = new FailedTries(clock);
    for (let n = 0; n < 5; n++) tries.failed("10.0.0.1", "");
    expect(tries.pauseMs("10.0.0.1", "")).toBeGreaterThan(0);
    await clock.advance(11 * 60_000);
    tries.failed("10.0.0.1", "");
    expect(tries.pauseMs("10.0.0.1", "")).toBe(0);
    for (let n = 0; n < 5; n++) tries.failed("10.0.0.1", "");
    for (let n = 0; n < 10_001; n++) tries.failed(`host-${n}`, "");
    expect(tries.pauseMs("10.0.0.1", "")).toBe(0);
  });
});

describe("scopes", () => {
  test("looking needs view, what can be undone operate, and all else admin", () => {
    expect(scopeOf("GET", "/deadletters/:id")).toBe("view");
    expect(scopeOf("HEAD", "/status")).toBe("view");
    expect(scopeOf("POST", "/deadletters/retry")).toBe("operate");
    expect(scopeOf("POST", "/deadletters/edit")).toBe("admin");
    expect(scopeOf("POST", "/deadletters/drop")).toBe("admin");
    expect(scopeOf("DELETE", "/jobs")).toBe("admin");
    expect(scopeOf("POST", "/what-comes-later")).toBe("admin");
  });

  test("a scope that is too small is refused, naming both", () => {
    const view = { name: "grafana", scope: "view" } as const;
    expect(() => refuseWithout("operate", view)).toThrow("needs the scope operate; the token grafana has view");
    expect(() => refuseWithout("view", view)).not.toThrow();
  });
});

describe("tokens are asked for", () => {
  const options = async (more: { host: string; names?: readonly string[]; requireToken?: boolean }) => {
    const { tokens, clock, add } = await opened();
    const asked = { names: [], requireToken: false, keepLastUse: true, clock, log: silentLog, tokens, ...more };
    return { asked, add, clock };
  };

  test("not on loopback, unless they are wanted", async () => {
    expect((await openAccess((await options({ host: "127.0.0.1" })).asked)).required).toBe(false);
    expect((await openAccess((await options({ host: "::1", requireToken: true })).asked)).required).toBe(true);
  });

  test("beyond loopback and behind a proxy always, and nothing starts without a good one", async () => {
    for (const more of [{ host: "0.0.0.0" }, { host: "127.0.0.1", names: ["tide.example"] }]) {
      const { asked, add, clock } = await options(more);
      await expect(openAccess(asked)).rejects.toMatchObject({ code: "ADMIN_TOKEN_MISSING" });
      await add("short", "view", 1_000);
      await clock.advance(1_000);
      await expect(openAccess(asked)).rejects.toMatchObject({ message: expect.stringContaining("have expired") });
      await add("long");
      expect((await openAccess(asked)).required).toBe(true);
    }
  });
});
