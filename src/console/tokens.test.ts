import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { allows, idOf, isExpired, isTokenOf, makeToken, tokenName } from "./tokens.ts";
import { TokensFolder } from "./tokens-folder.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "tidemill-tokens-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const nowMs = Date.parse("2026-03-01T10:00:00Z");
const made = (name: string, lifeMs?: number) => makeToken({ name, scope: "operate", nowMs, lifeMs });

test("a token is 256 random bits, and what is kept of it is its hash alone", () => {
  const { token, record } = made("ci");
  expect(token).toMatch(/^tmt_[0-9a-z]{12}_[A-Za-z0-9_-]{43}$/);
  expect(idOf(token)).toBe(record.id);
  expect(JSON.stringify(record)).not.toContain(token.slice(17));
  expect(isTokenOf(record, token)).toBe(true);
  expect(isTokenOf(record, made("ci").token)).toBe(false);
  expect(isTokenOf(record, `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`)).toBe(false);
});

test("what is no token has no id, and names no file", () => {
  for (const text of [
    "",
    "tmt_",
    "../../etc/passwd",
    "tmt_../../../../x_aaaa",
    `tmt_${"a".repeat(12)}_${"a".repeat(42)}`,
  ]) {
    expect([text, idOf(text)]).toEqual([text, undefined]);
  }
});

test("a scope allows what those before it do", () => {
  expect(allows("admin", "view") && allows("operate", "operate")).toBe(true);
  expect(allows("view", "operate") || allows("operate", "admin")).toBe(false);
});

test("a token ends at its hour", () => {
  const { record } = made("ci", 60_000);
  expect([isExpired(record, nowMs + 59_999), isExpired(record, nowMs + 60_000)]).toEqual([false, true]);
  expect(isExpired(made("ci").record, Number.MAX_SAFE_INTEGER)).toBe(false);
});

test("names are words that a table and a log can show", () => {
  for (const name of ["ci", "ada@example.com", "team/ops 2"]) expect(tokenName.safeParse(name).success).toBe(true);
  for (const name of ["", " ci", "a\nb", "a\u001b[31m", "x".repeat(65)])
    expect(tokenName.safeParse(name).success).toBe(false);
});

test("the folder keeps tokens for this user alone, lists them, and forgets what is revoked", async () => {
  const folder = new TokensFolder(join(dir, "kept"));
  expect(await folder.list()).toEqual([]);
  const first = made("first");
  const second = makeToken({ name: "second", scope: "view", nowMs: nowMs + 1 });
  await folder.add(second.record);
  await folder.add(first.record);
  expect(await folder.list()).toEqual([first.record, second.record]);
  expect(await folder.find(first.record.id)).toEqual(first.record);
  for (const name of await readdir(join(dir, "kept", "tokens"))) {
    const file = join(dir, "kept", "tokens", name);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const text = await readFile(file, "utf8");
    for (const { token } of [first, second]) expect(text).not.toContain(token.slice(17));
  }
  expect((await stat(join(dir, "kept", "tokens"))).mode & 0o777).toBe(0o700);
  expect(await folder.remove(first.record.id)).toBe(true);
  expect(await folder.remove(first.record.id)).toBe(false);
  expect(await folder.find(first.record.id)).toBeUndefined();
});

test("an id that would lead out of the folder finds and removes nothing", async () => {
  const folder = new TokensFolder(join(dir, "out"));
  await writeFile(join(dir, "victim.json"), "{}");
  expect(await folder.find("../../victim")).toBeUndefined();
  expect(await folder.remove("../../victim")).toBe(false);
  expect(await readFile(join(dir, "victim.json"), "utf8")).toBe("{}");
});

test("a damaged file is named, without what stands in it", async () => {
  const folder = new TokensFolder(join(dir, "damaged"));
  const { record } = made("ci");
  await folder.add(record);
  await writeFile(join(dir, "damaged", "tokens", `${record.id}.json`), '{"hash": "s3cr');
  const error = await folder.find(record.id).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "TOKENS_UNREADABLE", message: expect.stringContaining(`${record.id}.json`) });
  expect(String(error)).not.toContain("s3cr");
});
