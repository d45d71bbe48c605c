import tls from "node:tls";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { makeIdentity } from "../../../examples/stand-in/certificate.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import { failure, trialTargets, turn } from "../http/trial-targets.ts";
import { artifactTrial } from "./artifact-trial.ts";

const { target, secureTarget, tcp, close } = trialTargets();
afterEach(close);

async function read(url: object, signal?: AbortSignal): Promise<unknown> {
  await using one = await artifactTrial({ clock: new VirtualClock() });
  return await one.read({ url }, signal);
}

describe("the object of a url", () => {
  it("is what a GET answers, YAML or JSON", async () => {
    const { url, seen } = await target((_, response) => response.end("kind: Job\nmetadata: {name: pack}\n"));
    expect(await read({ path: `${url}/a/../b.yaml?x=%20y` })).toEqual({ kind: "Job", metadata: { name: "pack" } });
    expect(seen.map(({ method, url, body }) => [method, url, body])).toEqual([["GET", "/a/../b.yaml?x=%20y", ""]]);
    expect(seen[0]?.headers).toContain("tidemill");
  });

  it("is read anew at each firing, over one connection", async () => {
    let version = 0;
    const { url, seen } = await target((_, response) => response.end(`v: ${++version}`));
    await using one = await artifactTrial();
    expect(await one.read({ url: { path: url } })).toEqual({ v: 1 });
    await turn();
    expect(await one.read({ url: { path: url } })).toEqual({ v: 2 });
    expect(new Set(seen.map(({ socket }) => socket)).size).toBe(1);
  });

  it("is where redirects lead, and a password is not told to another host", async () => {
    const there = await target((_, response) => response.end("kind: There"));
    const here = await target((_, response) => response.writeHead(302, { location: `${there.url}/x` }).end());
    expect(await read({ path: here.url.replace("127.0.0.1", "u:p@localhost") })).toEqual({ kind: "There" });
    expect(here.seen[0]?.headers).toContain(`Basic ${Buffer.from("u:p").toString("base64")}`);
    expect(there.seen[0]?.headers).not.toContain("Authorization");
  });

  it("is whole when it is nearly as large as an object may be, beyond the peer's 512 KiB", async () => {
    const { url } = await target((_, response) => response.end(`a: ${"x".repeat(1_000_000)}`));
    expect(await read({ path: url })).toEqual({ a: "x".repeat(1_000_000) });
  });

  it.each([
    ["1 MiB and more", "x".repeat(1024 * 1024 + 1), {}, "ARTIFACT_INVALID"],
    ["no UTF-8", Buffer.from("a: \xff", "latin1"), {}, "ARTIFACT_INVALID"],
    ["no YAML", "a: [", {}, "ARTIFACT_INVALID"],
    ["compressed", gzipSync("a: 1"), { "content-encoding": "gzip" }, "ARTIFACT_INVALID"],
  ])("is not what has %s", async (_, body, headers, code) => {
    const { url } = await target((_, response) => response.writeHead(200, headers).end(body));
    expect(await failure(read({ path: url }))).toMatchObject({ code, retry: "never" });
  });

  it("is not half a text: what breaks off is read again", async () => {
    const path = await tcp((socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nkind: Job\n"));
    });
    expect(await failure(read({ path }))).toMatchObject({ code: "ARTIFACT_UNREACHABLE", retry: "backoff" });
  });

  it.each([
    [404, "ARTIFACT_MISSING"],
    [410, "ARTIFACT_MISSING"],
    [401, "ARTIFACT_REFUSED"],
    [403, "ARTIFACT_REFUSED"],
    [206, "ARTIFACT_REFUSED"],
    [500, "ARTIFACT_UNREACHABLE"],
  ])("is not the body of a %i", async (status, code) => {
    const { url } = await target((_, response) => response.writeHead(status).end("kind: Job"));
    const error = await failure(read({ path: `${url}/x?token=secret` }));
    expect(error).toMatchObject({ code, retry: "backoff" });
    expect(error.message).toContain(`answered ${status}`);
    expect(error.message).not.toContain("secret");
  });

  it("is asked for again when the server says", async () => {
    const { url } = await target((_, response) => response.writeHead(429, { "retry-after": "7" }).end());
    expect(await failure(read({ path: url }))).toMatchObject({ retry: { afterMs: 7_000 } });
  });

  it("does not come from a server that is not there, or redirects for ever", async () => {
    const { url } = await target((_, response) => response.writeHead(302, { location: "/again" }).end());
    expect(await failure(read({ path: url }))).toMatchObject({ code: "ARTIFACT_UNREACHABLE" });
    await close();
    expect(await failure(read({ path: url }))).toMatchObject({ code: "ARTIFACT_UNREACHABLE" });
  });

  it.each(["", "file:///etc/passwd", "ftp://x/y", "https://", "https://x/\n"])(
    "does not come from %j",
    async (path) => {
      expect(await failure(read({ path }))).toMatchObject({ code: "ARTIFACT_UNREADABLE", retry: "never" });
    },
  );

  it("is given up when the firing is", async () => {
    const stop = new AbortController();
    const path = await tcp((socket) => void socket.once("data", () => stop.abort(new Error("enough"))));
    await expect(read({ path }, stop.signal)).rejects.toThrow("enough");
  });
});

describe("the certificate", () => {
  async function secure() {
    const identity = await makeIdentity("localhost", new Date());
    const key = identity.privateKey.export({ type: "pkcs8", format: "pem" });
    return { ca: identity.certificate, ...(await secureTarget({ key, cert: identity.certificate })) };
  }

  it("is verified, unlike in the peer, unless the manifest says not to", async () => {
    const { url, seen } = await secure();
    expect(await failure(read({ path: url }))).toMatchObject({ code: "ARTIFACT_UNREACHABLE" });
    expect(await failure(read({ path: url, verifyCert: true }))).toMatchObject({ code: "ARTIFACT_UNREACHABLE" });
    expect(seen).toHaveLength(0);
    // "ok" is no object, but it came
    expect(await failure(read({ path: url, verifyCert: false }))).toMatchObject({ code: "ARTIFACT_INVALID" });
    expect(seen).toHaveLength(1);
  });

  it("may be one that the process trusts", async () => {
    const { url, ca, seen } = await secure();
    const before = tls.getCACertificates("default");
    tls.setDefaultCACertificates([...before, ca]);
    try {
      expect(await failure(read({ path: url }))).toMatchObject({ code: "ARTIFACT_INVALID" });
    } finally {
      tls.setDefaultCACertificates(before);
    }
    expect(seen).toHaveLength(1);
  });
});
