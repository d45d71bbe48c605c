import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isTide } from "../../lib/errors.ts";
import { forbiddenIn, parseGitUrl, pathInRepository, wantedRef } from "./git-url.ts";

describe("a repository's URL", () => {
  it.each([
    ["https://github.com/argoproj/argo.git", "https", "https://github.com"],
    ["http://localhost:8080/x", "http", "http://localhost:8080"],
    ["ssh://git@host:2222/x.git", "ssh", "ssh://host:2222"],
    ["git://host/x.git", "git", "git://host"],
    ["file:///srv/x.git", "file", ""],
    ["git@github.com:argoproj/argo.git", "ssh", ""],
    ["host.example:x", "ssh", ""],
    ["git@[::1]:x/y", "ssh", ""],
  ])("is %s", (text, scheme, origin) => {
    expect(parseGitUrl(text)).toMatchObject({ scheme, origin, url: text, login: undefined });
  });

  it("has its scheme in small letters, for git knows no other", () => {
    expect(parseGitUrl("HTTPS://Host/X")).toMatchObject({ url: "https://Host/X", origin: "https://host" });
  });

  it("loses its user and password, for they would stand in the list of processes", () => {
    expect(parseGitUrl("https://a%40b:p%3A@host/x")).toMatchObject({
      url: "https://host/x",
      login: { username: "a@b", password: "p:" },
    });
  });

  it.each([
    "",
    "x",
    "/srv/x.git",
    "./x",
    "../x",
    "C:\\x",
    "c:/x",
    "ext::sh -c id",
    "ext::id",
    "fd::7",
    "transport::https://x/y",
    "-oProxyCommand=id",
    "--upload-pack=id",
    "-x@host:y",
    "host:-x",
    "ssh://-oProxyCommand=id/x",
    "ssh://-x@host/y",
    "ssh://%2DoProxyCommand=id@host/x",
    "https://",
    "https:///x",
    "https://good\\@evil/x",
    "https://host/a b",
    "https://host/\n",
    "https://%zz@host/x",
    "ftp://host/x",
    "javascript://x",
    "file://host/x",
    `https://host/${"x".repeat(2000)}`,
  ])("is not %j", (text) => {
    expect(() => parseGitUrl(text)).toThrow(expect.objectContaining({ code: "ARTIFACT_UNREADABLE", retry: "never" }));
  });

  it("never is what git could take for an option, a helper or more than one line", () => {
    const piece = fc.constantFrom(
      "-",
      "::",
      ":",
      "//",
      "@",
      "ext",
      "ssh",
      "https",
      "file",
      "h",
      "/",
      " ",
      "\n",
      "%2d",
      ".",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 12 }).map((parts) => parts.join("")),
        ),
        (text) => {
          try {
            const { url } = parseGitUrl(text);
            expect(url).toMatch(/^(?:(?:https?|ssh|git|file):\/\/\/?[^/-]|[\w[])/i);
            expect(url).not.toMatch(/^[A-Za-z0-9+.-]*::|\s/);
          } catch (error) {
            if (!isTide(error)) throw error;
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("what is fetched", () => {
  it("is the ref, else the tag, else the branch, else master", () => {
    expect(wantedRef({ ref: "refs/pull/1/head", tag: "t", branch: "b" })).toBe("refs/pull/1/head");
    expect(wantedRef({ tag: "t/1", branch: "b" })).toBe("refs/tags/t/1");
    expect(wantedRef({ branch: "feature/ü-1" })).toBe("refs/heads/feature/ü-1");
    expect(wantedRef({ ref: "", tag: "", branch: "" })).toBe("refs/heads/master");
  });

  it.each([
    "a:b",
    "+a",
    "^a",
    "a^{tree}",
    "a~1",
    "a..b",
    "a b",
    "a*",
    "a?",
    "[a",
    "a\\b",
    "a@{1}",
    "a.lock",
    "/a",
    "a/",
    "-a",
  ])("is not %j", (ref) => {
    expect(() => wantedRef({ ref })).toThrow(expect.objectContaining({ code: "ARTIFACT_UNREADABLE" }));
  });

  it("is not under a branch or tag whose name is none", () => {
    expect(() => wantedRef({ branch: "a:refs/heads/b" })).toThrow();
    expect(() => wantedRef({ tag: "a..b" })).toThrow();
  });
});

describe("a path in a repository", () => {
  it("begins at its root", () => {
    expect(pathInRepository("/a//./b.yaml")).toBe("a/b.yaml");
    expect(pathInRepository("a/.git/b")).toBe("a/.git/b");
  });

  it.each(["../a", "a/../b", "a..b", "~/a", "a~b", "a\\b", "", "/", ".", "a\0b", "x".repeat(5000)])(
    "is not %j",
    (path) => {
      expect(() => pathInRepository(path)).toThrow(expect.objectContaining({ code: "ARTIFACT_UNREADABLE" }));
    },
  );

  it("is refused for the same words as in the peer", () => {
    expect(["a..b", "a~", "a\\", "a/b"].map(forbiddenIn)).toEqual(["..", "~", "\\", undefined]);
  });
});
