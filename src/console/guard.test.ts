import { expect, test } from "vitest";
import { isLoopback, refuseForms, refuseStrangers } from "./guard.ts";

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

const beyond = { outside: true, names: new Set(["tide.example.com"]), secure: false };

test("beyond loopback it is served by any address and by the names that were given, in any spelling", () => {
  for (const host of [
    "192.0.2.1:7788",
    "[2001:db8::1]:7788",
    "localhost:7788",
    "Tide.Example.com",
    "tide.example.com.:443",
  ])
    expect(() => refuseStrangers({ host }, beyond), host).not.toThrow();
  for (const host of ["evil.example", "tide.example.com.evil.example", "1.2.3.4.evil.example", "0x7f000001.evil", ""])
    expect(() => refuseStrangers({ host }, beyond), host).toThrow("is not served as");
});

test("behind a proxy its own pages are of https, with TLS of its own alone of https", () => {
  const host = "tide.example.com";
  expect(() => refuseStrangers({ host, origin: `https://${host}` }, beyond)).not.toThrow();
  expect(() => refuseStrangers({ host, origin: "https://other.example.com" }, beyond)).toThrow("may not use");
  const secure = { ...beyond, secure: true };
  expect(() => refuseStrangers({ host, origin: `http://${host}` }, secure)).toThrow("may not use");
});

test("a page of another port of this machine is another site", () => {
  const host = "127.0.0.1:7788";
  expect(() => refuseStrangers({ host, "sec-fetch-site": "same-site" })).toThrow("other sites");
  expect(() => refuseStrangers({ host, "sec-fetch-site": "none" })).not.toThrow();
});

test("what a form can send changes nothing, whatever its parameters say", () => {
  for (const type of ["application/json", "Application/JSON; charset=utf-8", "application/cloudevents+json"])
    expect(() => refuseForms("POST", type), type).not.toThrow();
  for (const type of [undefined, "", "text/plain", "text/plain; application/json", "multipart/form-data"])
    expect(() => refuseForms("POST", type), String(type)).toThrow("application/json");
  expect(() => refuseForms("GET", undefined)).not.toThrow();
  expect(() => refuseForms("DELETE", undefined)).not.toThrow();
});
