import { expect, test } from "vitest";
import { canonicalName, headerOf, makeHeaderWriter } from "./headers.ts";

const write = (...rawHeaders: readonly string[]) => makeHeaderWriter().write(rawHeaders);

test("names are canonical and sorted, values are lists in their order", () => {
  expect(
    write("x-github-event", "push", "content-type", "application/json", "X-GitHub-EVENT", "second", "ETAG", "1"),
  ).toBe('{"Content-Type":["application/json"],"Etag":["1"],"X-Github-Event":["push","second"]}');
  expect(canonicalName("bad name")).toBe("bad name");
  expect(write()).toBe("{}");
});

test("what Go's server takes out of a request is not in the data", () => {
  expect(write("Host", "a", "Transfer-Encoding", "chunked", "Trailer", "X", "Content-Length", "3")).toBe(
    '{"Content-Length":["3"]}',
  );
});

test("Authorization is masked whenever it says something", () => {
  expect(write("authorization", "Bearer s3cret")).toBe('{"Authorization":["*** Masked Auth Secret ***"]}');
  expect(write("authorization", "a", "authorization", "b")).toBe('{"Authorization":["*** Masked Auth Secret ***"]}');
  expect(write("authorization", "")).toBe('{"Authorization":[""]}');
});

test("Pragma: no-cache brings Cache-Control, as in Go", () => {
  expect(write("Pragma", "no-cache")).toBe('{"Cache-Control":["no-cache"],"Pragma":["no-cache"]}');
  expect(write("Pragma", "no-cache", "Cache-Control", "x")).toBe('{"Cache-Control":["x"],"Pragma":["no-cache"]}');
});

test("values are the sender's UTF-8, which Node hands over as Latin-1", () => {
  const latin = Buffer.from("é<").toString("latin1");
  expect(write("X-Name", latin, "X-Bad", "\xff")).toBe('{"X-Bad":["\\ufffd"],"X-Name":["é\\u003c"]}');
});

test("hostile names do no harm", () => {
  expect(write("__proto__", "x", "constructor", "y")).toBe('{"Constructor":["y"],"__proto__":["x"]}');
  const writer = makeHeaderWriter();
  for (let i = 0; i < 2_000; i++) writer.write([`x-${i}`, "v"]);
  expect(writer.write(["x-1999", "v"])).toBe('{"X-1999":["v"]}');
});

test("a header is found whatever the case of its name", () => {
  expect(headerOf(["A", "1", "Content-TYPE", "x"], "content-type")).toBe("x");
  expect(headerOf(["A", "1"], "b")).toBeUndefined();
});
