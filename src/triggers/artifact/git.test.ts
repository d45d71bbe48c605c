import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import tls from "node:tls";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { makeIdentity } from "../../../examples/stand-in/certificate.ts";
import { describeWithServer } from "../../../test/servers/describe.ts";
import { type GitHttp, type GitHttpOptions, startGitHttp } from "../../../test/servers/git-http.ts";
import { type GitSource, makeGitSource } from "../../../test/servers/git-repository.ts";
import { createEgress, localPolicy } from "../../kit/egress.ts";
import { Scope } from "../../lib/scope.ts";
import { failure } from "../http/trial-targets.ts";
import { type ArtifactTrial, artifactTrial } from "./artifact-trial.ts";
import { GitCache } from "./git-cache.ts";
import { parseGitUrl } from "./git-url.ts";

/** The folders that reading by git made and did not remove. */
async function left(): Promise<readonly string[]> {
  return (await readdir(tmpdir())).filter(
    (name) => name.startsWith("tidemill-git-") && name.includes(`-${process.pid}-`),
  );
}

describeWithServer("git", () => {
  let scope: Scope;
  let source: GitSource;
  let one: ArtifactTrial;
  const secrets = { "git/user": "me", "git/password": "s3cret" };
  const creds = { username: { name: "git", key: "user" }, password: { name: "git", key: "password" } };

  beforeEach(async () => {
    scope = new Scope();
    source = await makeGitSource();
    one = scope.use(await artifactTrial({ secrets }));
    await source.commit({ "jobs/pack.yaml": "v: 1\n" });
  });
  afterEach(async () => {
    await scope[Symbol.asyncDispose]();
    expect(await left()).toEqual([]);
  });

  const serve = async (options?: GitHttpOptions): Promise<GitHttp> =>
    scope.use(await startGitHttp(source.folder, options));
  const read = (git: object, signal?: AbortSignal) =>
    one.read({ git: { url: `file://${source.folder}`, filePath: "jobs/pack.yaml", ...git } }, signal);

  async function repositoryFolder(): Promise<string> {
    const home = path.join(tmpdir(), (await left())[0] ?? "");
    const name = (await readdir(home)).find((entry) => entry.startsWith("repository-"));
    return path.join(home, name ?? "");
  }

  describe("the object of a repository", () => {
    it("is the newest of the branch master, unless another branch, a tag or a ref is named", async () => {
      const first = await source.git("rev-parse", "HEAD");
      await source.git("tag", "v1");
      await source.git("tag", "--annotate", "--message", "x", "v1a");
      await source.commit({ "jobs/pack.yaml": "v: 2" });
      await source.commit({ "jobs/pack.yaml": "v: 3" }, "next");
      expect(await read({})).toEqual({ v: 2 });
      expect(await read({ branch: "next" })).toEqual({ v: 3 });
      expect(await read({ tag: "v1" })).toEqual({ v: 1 });
      expect(await read({ tag: "v1a" })).toEqual({ v: 1 });
      expect(await read({ ref: "refs/heads/next" })).toEqual({ v: 3 });
      expect(await read({ ref: "refs/heads/next", tag: "v1", branch: "x" })).toEqual({ v: 3 });
      expect(await read({ tag: "v1", branch: "next" })).toEqual({ v: 1 });
      expect(await read({ ref: first })).toEqual({ v: 1 });
    });

    it("is what was pushed since, also over what was there", async () => {
      const { url } = await serve();
      expect(await read({ url })).toEqual({ v: 1 });
      await source.commit({ "jobs/pack.yaml": "v: 2" });
      expect(await read({ url })).toEqual({ v: 2 });
      await source.git("reset", "--quiet", "--hard", "HEAD~1");
      await source.commit({ "jobs/pack.yaml": "v: 4" });
      expect(await read({ url })).toEqual({ v: 4 });
    });

    it("is in the repository of the remote, where there is one", async () => {
      const other = await makeGitSource();
      await other.commit({ "jobs/pack.yaml": "v: other" });
      const remote = { name: "there", urls: [`file://${other.folder}`] };
      for (let firing = 0; firing < 2; firing++) expect(await read({ remote })).toEqual({ v: "other" });
    });

    it("is only its newest commit here, however long the history is", async () => {
      for (let i = 0; i < 5; i++) await source.commit({ "jobs/pack.yaml": `v: ${i}\np: ${"x".repeat(i * 1000)}` });
      const { url } = await serve();
      for (let firing = 0; firing < 2; firing++) expect(await read({ url })).toMatchObject({ v: 4 });
      const folder = await repositoryFolder();
      expect((await stat(path.join(folder, "shallow"))).size).toBe(41);
      expect((await stat(path.dirname(folder))).mode & 0o777).toBe(0o700);
    });
  });

  describe("who asks", () => {
    it("shows user and password to the server that wants them", async () => {
      const { url, requests } = await serve({ login: () => "me:s3cret" });
      expect(await read({ url, creds })).toEqual({ v: 1 });
      expect(requests.map(({ authorization }) => authorization)).toContain(
        `Basic ${Buffer.from("me:s3cret").toString("base64")}`,
      );
    });

    it.runIf(existsSync("/proc/self/cmdline"))("shows them to nobody who lists the processes", async () => {
      const seen: string[] = [];
      const { url } = await serve({
        login: () => "me:s3cret",
        before: async ({ headers }) => {
          if (headers.authorization === undefined) return false;
          for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
            seen.push(await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""));
          }
          return false;
        },
      });
      expect(await read({ url, creds })).toEqual({ v: 1 });
      expect(seen.some((line) => line.includes(url.slice(0, -5)))).toBe(true);
      expect(seen.filter((line) => line.includes("s3cret"))).toEqual([]);
    });

    it("shows those in the URL, which no message has", async () => {
      const { url } = await serve({ login: () => "me:s3cret" });
      expect(await read({ url: url.replace("//", "//me:s3cret@") })).toEqual({ v: 1 });
      const error = await failure(read({ url: url.replace("//", "//me:wr0ng@") }));
      expect(error).toMatchObject({ code: "ARTIFACT_REFUSED", retry: "backoff" });
      expect(error.message).not.toContain("wr0ng");
    });

    it("is refused without, and with the wrong ones, and let in once they are right", async () => {
      let login = "me:other";
      const { url } = await serve({ login: () => login });
      expect(await failure(read({ url }))).toMatchObject({ code: "ARTIFACT_REFUSED" });
      const error = await failure(read({ url, creds }));
      expect(error).toMatchObject({ code: "ARTIFACT_REFUSED" });
      expect(error.message).not.toContain("s3cret");
      login = "me:s3cret";
      expect(await read({ url, creds })).toEqual({ v: 1 });
    });

    it("does not get what another one fetched", async () => {
      const { url } = await serve({ login: () => "me:s3cret" });
      expect(await read({ url, creds })).toEqual({ v: 1 });
      expect(await failure(read({ url, ref: await source.git("rev-parse", "HEAD") }))).toMatchObject({
        code: "ARTIFACT_REFUSED",
      });
    });

    it("tells no other host after a redirect", async () => {
      const there = await serve({ login: () => "me:s3cret" });
      const here = await serve({
        before: (request, response) => {
          response
            .writeHead(302, { location: `${there.origin.replace("localhost", "127.0.0.1")}${request.url}` })
            .end();
          return true;
        },
      });
      expect(await failure(read({ url: here.url, creds }))).toMatchObject({ code: "ARTIFACT_REFUSED" });
      expect(there.requests.length).toBeGreaterThan(0);
      expect(there.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
    });

    it("trusts the server that the process trusts, and no other", async () => {
      const identity = await makeIdentity("localhost", new Date());
      const key = identity.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
      const { url } = await serve({ tls: { key, cert: identity.certificate } });
      expect(await failure(read({ url }))).toMatchObject({ code: "ARTIFACT_UNREACHABLE" });
      const before = tls.getCACertificates("default");
      vi.stubEnv("GIT_SSL_CAINFO", undefined);
      tls.setDefaultCACertificates([...before, identity.certificate]);
      try {
        await using trusting = await artifactTrial();
        expect(await trusting.read({ git: { url, filePath: "jobs/pack.yaml" } })).toEqual({ v: 1 });
      } finally {
        tls.setDefaultCACertificates(before);
        vi.unstubAllEnvs();
      }
    });
  });

  describe("firings at once", () => {
    it("share fetches, and none reads what was there before it asked", async () => {
      let hold: PromiseWithResolvers<void> | undefined;
      let begun: PromiseWithResolvers<void> | undefined;
      const { url, requests } = await serve({
        before: async ({ url = "" }) => {
          if (url.includes("info/refs")) begun?.resolve();
          await hold?.promise;
          return false;
        },
      });
      expect(await read({ url })).toEqual({ v: 1 });
      const fetches = () => requests.filter(({ line }) => line.includes("info/refs")).length;
      expect(fetches()).toBe(1);
      hold = Promise.withResolvers();
      begun = Promise.withResolvers();
      const early = read({ url });
      await begun.promise;
      await source.commit({ "jobs/pack.yaml": "v: 2", "jobs/b.yaml": "v: b" });
      const late = Array.from({ length: 20 }, () => read({ url }));
      const other = read({ url, filePath: "jobs/b.yaml" });
      hold.resolve();
      await early;
      expect(await Promise.all(late)).toEqual(Array.from({ length: 20 }, () => ({ v: 2 })));
      expect(await other).toEqual({ v: "b" });
      expect(fetches()).toBe(3);
    });

    it("each get their own branch", async () => {
      const branches = ["b1", "b2", "b3"];
      for (const branch of branches) await source.commit({ "jobs/pack.yaml": `v: ${branch}` }, branch);
      const { url } = await serve();
      expect(await Promise.all(branches.map((branch) => read({ url, branch })))).toEqual(
        branches.map((branch) => ({ v: branch })),
      );
    });

    it("go on when one is given up, and the fetch ends with the last", async () => {
      let hold: PromiseWithResolvers<void> | undefined = Promise.withResolvers();
      const gone = Promise.withResolvers<void>();
      let asked = Promise.withResolvers<void>();
      const { url } = await serve({
        before: async (request) => {
          asked.resolve();
          request.socket.once("close", () => gone.resolve());
          await hold?.promise;
          return false;
        },
      });
      const [first, second] = [new AbortController(), new AbortController()];
      const reads = [first, second].map(({ signal }) => failure(read({ url }, signal)).catch(String));
      await asked.promise;
      first.abort(new Error("first"));
      expect(await reads[0]).toContain("first");
      second.abort(new Error("second"));
      expect(await reads[1]).toContain("second");
      await gone.promise;
      hold.resolve();
      hold = undefined;
      asked = Promise.withResolvers();
      expect(await read({ url })).toEqual({ v: 1 });
    });
  });

  it.each(["HEAD", "objects", "shallow.lock", "config"])(
    "a copy whose %s was broken from outside costs no firing",
    async (name) => {
      expect(await read({})).toEqual({ v: 1 });
      await source.commit({ "jobs/pack.yaml": "v: 2" });
      const broken = path.join(await repositoryFolder(), name);
      if (name.endsWith(".lock")) await writeFile(broken, "");
      else await rm(broken, { recursive: true });
      expect(await read({})).toEqual({ v: 2 });
      expect(await read({})).toEqual({ v: 2 });
    },
  );

  it("a temporary folder that was cleaned up costs no firing", async () => {
    expect(await read({})).toEqual({ v: 1 });
    await rm(path.join(tmpdir(), (await left())[0] ?? ""), { recursive: true });
    expect(await Promise.all([read({}), read({})])).toEqual([{ v: 1 }, { v: 1 }]);
  });

  it("what a killed process left is removed by the next", async () => {
    const script = `
      const { artifactTrial } = await import(${JSON.stringify(new URL("./artifact-trial.ts", import.meta.url).href)});
      const one = await artifactTrial();
      await one.read({ git: ${JSON.stringify({ url: `file://${source.folder}`, filePath: "jobs/pack.yaml" })} });
      console.log("read");
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    const made = async () =>
      (await readdir(tmpdir())).filter((name) => name.startsWith("tidemill-git-") && name.includes(`-${child.pid}-`));
    expect(await made()).toHaveLength(1);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await read({})).toEqual({ v: 1 });
    expect(await made()).toEqual([]);
  });

  it("without the program git it says how to install it", async () => {
    vi.stubEnv("PATH", "/nowhere");
    try {
      const error = await failure(read({}));
      expect(error).toMatchObject({ code: "SDK_MISSING" });
      expect(error.message).toContain("apt-get install git");
    } finally {
      vi.unstubAllEnvs();
    }
    expect(await read({})).toEqual({ v: 1 });
  });

  it("keeps as many repositories as it may, and forgets the one not used for longest", async () => {
    await using cache = new GitCache(createEgress(localPolicy), 2);
    const access = { identity: "", config: {}, env: {}, ssh: undefined };
    const wish = { ref: "refs/heads/master", path: "jobs/pack.yaml", access, signal: new AbortController().signal };
    const homes = await left();
    for (const way of ["", "./", "", "././", "", "./", "././"]) {
      const bytes = await cache.read(parseGitUrl(`file://${source.folder}/${way}`), wish);
      expect(bytes.toString()).toBe("v: 1\n");
    }
    await Promise.all(
      Array.from({ length: 5 }, (_, i) => cache.read(parseGitUrl(`file://${source.folder}/${"./".repeat(i)}`), wish)),
    );
    const home = (await left()).find((name) => !homes.includes(name)) ?? "";
    const last = await cache.read(parseGitUrl(`file://${source.folder}`), wish);
    expect(last.toString()).toBe("v: 1\n");
    const kept = (await readdir(path.join(tmpdir(), home))).filter((name) => name.startsWith("repository-"));
    expect(kept.length).toBeLessThanOrEqual(3);
  });
});
