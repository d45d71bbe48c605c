import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type Identity, makeIdentity } from "../../../examples/stand-in/certificate.ts";
import { startProxy } from "../../../test/servers/proxy.ts";
import { trialTargets } from "../http/trial-targets.ts";
import { artifactTrial } from "./artifact-trial.ts";

const { target, secureTarget, close } = trialTargets();
afterEach(async () => {
  vi.unstubAllEnvs();
  await close();
});

const named = (url: string): string => url.replace(/127\.0\.0\.1|localhost/, "files.test");

describe("artifacts behind a proxy", () => {
  let server: Identity;
  const secrets = () => ({ "s3/id": "id", "s3/key": "key", "s3/ca": server.certificate });
  const keys = { accessKey: { name: "s3", key: "id" }, secretKey: { name: "s3", key: "key" } };
  const bucket = { name: "b", key: "job.yaml" };

  beforeAll(async () => {
    server = await makeIdentity("files.test", new Date());
  });

  it("a url is read by its whole name", async () => {
    await using proxy = await startProxy({ credentials: "ada:pw" });
    vi.stubEnv("HTTP_PROXY", proxy.url);
    const { url } = await target((_, response) => response.end("kind: Job"));
    await using one = await artifactTrial();
    expect(await one.read({ url: { path: `${named(url)}/job.yaml` } })).toEqual({ kind: "Job" });
    expect(proxy.asked).toMatchObject([{ method: "GET", target: `${named(url)}/job.yaml` }]);
  });

  it("a url over TLS is read through a tunnel", async () => {
    await using proxy = await startProxy();
    vi.stubEnv("https_proxy", proxy.url);
    const { url } = await secureTarget({ key: pem(server), cert: server.certificate });
    await using one = await artifactTrial();
    const read = one.read({ url: { path: named(url), verifyCert: false } });
    // what the target said was read: "ok"
    await expect(read).rejects.toThrow("it is no object");
    expect(proxy.asked).toMatchObject([{ method: "CONNECT", target: new URL(named(url)).host }]);
  });

  it("an object of s3 is read through a tunnel, and its certificate counts", async () => {
    await using proxy = await startProxy({ credentials: "ada:pw" });
    vi.stubEnv("HTTPS_PROXY", proxy.url);
    const { url, seen } = await secureTarget({ key: pem(server), cert: server.certificate });
    await using one = await artifactTrial({ secrets: secrets() });
    const s3 = { ...keys, bucket, endpoint: named(url), caCertificate: { name: "s3", key: "ca" } };
    await expect(one.read({ s3 })).rejects.toThrow("it is no object");
    const { caCertificate: _, ...untrusted } = s3;
    await expect(one.read({ s3: untrusted })).rejects.toMatchObject({
      code: "ARTIFACT_UNREACHABLE",
      message: expect.stringContaining("self-signed"),
    });
    expect(seen.map((request) => request.url)).toEqual(["/b/job.yaml?x-id=GetObject"]);
    expect(new Set(proxy.asked.map((asked) => asked.target))).toEqual(new Set([new URL(named(url)).host]));
  });

  it("an object of s3 without TLS comes through a tunnel too, and a refusal is said without the password", async () => {
    await using proxy = await startProxy({ credentials: "ada:right" });
    vi.stubEnv("HTTP_PROXY", proxy.url);
    const { url } = await target((_, response) => response.end("kind: Job"));
    await using one = await artifactTrial({ secrets: secrets() });
    const s3 = { ...keys, bucket, endpoint: named(url) };
    expect(await one.read({ s3 })).toEqual({ kind: "Job" });
    expect(proxy.asked).toMatchObject([{ method: "CONNECT" }]);
    vi.stubEnv("HTTP_PROXY", proxy.url.replace("right", "wr0ng"));
    const refused = one.read({ s3 });
    await expect(refused).rejects.toMatchObject({ code: "ARTIFACT_UNREACHABLE" });
    await expect(refused).rejects.toThrow(/it answered 407/);
    await expect(refused).rejects.not.toThrow(/wr0ng/);
  });
});

function pem({ privateKey }: Identity): string {
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}
