import { expect, test } from "vitest";
import { isLoopback, refuseStrangers } from "./guard.ts";

test("loopback is known by address and as localhost, in every spelling", () => {
  for (const host of ["127.0.0.1", "127.1.2.3", "localhost", "LOCALHOST", "::1", "0:0:0:0:0:0:0:1"]) {
    expect([host, isLoopback(host)]).toEqual([host, true]);
  }
  for (const host of [
    "0.0.0.0",
    "192.168.1.2",
    "::",
    "::ffff:10.0.0.1",
    "127.0.0.1.evil.example",
    "evil.example",
    "",
  ]) {
    expect([host, isLoopback(host)]).toEqual([host, false]);
  }
});

test("a request under another name is refused: somebody bound a name to this machine", () => {
  expect(() => refuseStrangers({ host: "evil.example:7788" })).toThrow("is not served as");
  expect(() => refuseStrangers({})).toThrow("is not served as");
  expect(() => refuseStrangers({ host: "127.0.0.1:7788" })).not.toThrow();
  expect(() => refuseStrangers({ host: "[::1]:7788" })).not.toThrow();
});

test("a page of another origin is refused, its own pages are not", () => {
  const host = "127.0.0.1:7788";
  expect(() => refuseStrangers({ host, origin: "https://evil.example" })).toThrow("may not use the admin API");
  expect(() => refuseStrangers({ host, origin: "null" })).toThrow("may not use the admin API");
  expect(() => refuseStrangers({ host, "sec-fetch-site": "cross-site" })).toThrow("other sites");
  expect(() => refuseStrangers({ host, origin: `http://${host}` })).not.toThrow();
});
