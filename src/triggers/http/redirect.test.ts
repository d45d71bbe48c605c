import { expect, test } from "vitest";
import { redirected } from "./redirect.ts";
import type { Request } from "./send.ts";
import { parseTarget } from "./target.ts";

const first: Request = {
  target: parseTarget("https://api.example.com/a"),
  method: "POST",
  headers: ["Authorization", "Bearer b", "X-Api-Key", "k", "X-Plain", "p"],
  body: undefined,
  host: undefined,
  secret: new Set(["x-api-key"]),
};

function namesAfter(location: string, request: Request = first): readonly string[] | undefined {
  const answer = { status: 307, statusText: "", headers: { location }, body: undefined };
  return redirected(request, answer, first)?.headers.filter((_, at) => at % 2 === 0);
}

test("no redirect takes a header of a Secret to another host, whatever it is called", () => {
  expect(namesAfter("https://evil.example/")).toEqual(["X-Plain", "Referer"]);
  expect(namesAfter("https://api.example.com.evil.example/")).toEqual(["X-Plain", "Referer"]);
});

test("on the same host and below it they go on", () => {
  for (const location of ["/b", "https://api.example.com/b", "https://eu.api.example.com/b"]) {
    expect(namesAfter(location)).toEqual(["Authorization", "X-Api-Key", "X-Plain", "Referer"]);
  }
});

test("what was left out once stays out on the way back", () => {
  const answer = { status: 307, statusText: "", headers: { location: "https://evil.example/" }, body: undefined };
  const away = redirected(first, answer, first);
  expect(away === undefined ? [] : namesAfter("https://api.example.com/b", away)).not.toContain("X-Api-Key");
});
