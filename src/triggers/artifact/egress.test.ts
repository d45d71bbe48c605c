import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { describeWithServer } from "../../../test/servers/describe.ts";
import { testDns } from "../../../test/servers/dns.ts";
import { type GitHttp, type GitHttpOptions, startGitHttp } from "../../../test/servers/git-http.ts";
import { type GitSource, makeGitSource } from "../../../test/servers/git-repository.ts";
import { startProxy } from "../../../test/servers/proxy.ts";
import { createEgress, type Egress, type EgressPolicy, localPolicy } from "../../kit/egress.ts";
import { Scope } from "../../lib/scope.ts";
import { failure, trialTargets } from "../http/trial-targets.ts";
import { artifactTrial } from "./artifact-trial.ts";
import { openGitRelay } from "./git-relay.ts";
import { parseGitUrl } from "./git-url.ts";
import { openGitWay } from "./git-way.ts";

const publicOnly: EgressPolicy = { mode: "public", allow: [] };
const { target, close } = trialTargets();
beforeEach(() => {
  for (const name of ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]) {
    vi.stubEnv(name, undefined);
  }
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await close();
});

const keys = { accessKey: { name: "s3", key: "id" }, secretKey: { name: "s3", key: "key" } };
const secrets = { "s3/id": "id", "s3/key": "key" };

async function refused(source: object, egress: Egress): Promise<void> {
  await using one = await artifactTrial({ secrets, egress });
  expect(await failure(one.read(source))).toMatchObject({ code: "EGRESS_REFUSED", retry: "never" });
}

describe.each([
  ["url", (host: string) => ({ url: { path: `http://${host}/job.yaml` } })],
  [
    "url without a check of the certificate",
    (host: string) => ({ url: { path: `https://${host}/`, verifyCert: false } }),
  ],
  ["git over http", (host: string) => ({ git: { url: `http://${host}/a.git`, filePath: "a" } })],
  ["git over https", (host: string) => ({ git: { url: `https://${host}/a.git`, filePath: "a" } })],
  ["git over ssh", (host: string) => ({ git: { url: `ssh://git@${host}/a.git`, filePath: "a" } })],
  ["git over ssh, as scp writes it", (host: string) => ({ git: { url: `git@${host}:a.git`, filePath: "a" } })],
  ["git's own protocol", (host: string) => ({ git: { url: `git://${host}/a.git`, filePath: "a" } })],
  ["s3", (host: string) => ({ s3: { ...keys, endpoint: host, insecure: true, bucket: { name: "b", key: "k" } } })],
  [
    "s3 over TLS",
    (host: string) => ({ s3: { ...keys, endpoint: `https://${host}`, bucket: { name: "b", key: "k" } } }),
  ],
])("an object by %s", (_, source) => {
  it("does not come from the metadata of a cloud, by address or name", async () => {
    await refused(source("169.254.169.254"), createEgress(localPolicy));
    const dns = testDns({ "a.test": [["169.254.169.254"]] });
    await refused(source("a.test"), createEgress(localPolicy, {}, dns.resolveAll));
  });

  it("does not come from this machine with `public`", () => refused(source("127.0.0.1"), createEgress(publicOnly)));
});

it("a url is not read from where it redirects to, where that is refused", async () => {
  const { url, seen } = await target((_, response) =>
    response.writeHead(302, { Location: "http://[fd00:ec2::254]/" }).end(),
  );
  await refused({ url: { path: url } }, createEgress(localPolicy));
  expect(seen).toHaveLength(1);
});

it("a url of a public host does not lead to this machine, and one of this machine does", async () => {
  const there = await target((_, response) => response.end("kind: Job"));
  const here = await target((_, response) => response.writeHead(302, { Location: there.url }).end());
  const url = here.url.replace("127.0.0.1", "a.test");
  const read = async (told: string): Promise<unknown> => {
    // the first answer is connected to; the second one says what the host is
    const dns = testDns({ "a.test": [["127.0.0.1"], [told]] });
    await using one = await artifactTrial({ egress: createEgress(localPolicy, {}, dns.resolveAll) });
    return await one.read({ url: { path: url } });
  };
  expect(await read("127.0.0.1")).toEqual({ kind: "Job" });
  expect(await failure(read("93.184.216.34"))).toMatchObject({
    code: "EGRESS_REFUSED",
    message: expect.stringContaining("a redirect from a public address leads there"),
  });
  expect(there.seen).toHaveLength(1);
});

it("a repository over ssh is asked at the address that was looked up, under the host key of its name", async () => {
  const egress = createEgress(localPolicy, {}, testDns({ "git.test": [["10.0.0.7"], ["169.254.169.254"]] }).resolveAll);
  await using way = await openGitWay(parseGitUrl("ssh://git@git.test:2222/a.git"), egress, {});
  expect(way.ssh).toEqual(["HostName=10.0.0.7", "HostKeyAlias=[git.test]:2222"]);
  await expect(openGitWay(parseGitUrl("git@git.test:a.git"), egress, {})).rejects.toMatchObject({
    code: "EGRESS_REFUSED",
  });
  const six = createEgress(localPolicy, {}, testDns({ "git.test": [["fd00::7"]] }).resolveAll);
  await using other = await openGitWay(parseGitUrl("git://git.test/a.git"), six, {});
  expect(other).toMatchObject({ url: "git://[fd00::7]:9418/a.git", env: { GIT_OVERRIDE_VIRTUAL_HOST: "git.test" } });
});

describeWithServer("git", () => {
  let scope: Scope;
  let source: GitSource;
  beforeEach(async () => {
    scope = new Scope();
    source = await makeGitSource();
    await source.commit({ "job.yaml": "kind: Job" });
  });
  afterEach(() => scope[Symbol.asyncDispose]());
  const serve = async (options: GitHttpOptions = {}): Promise<GitHttp> =>
    scope.use(await startGitHttp(source.folder, options));
  const git = (url: string) => ({ git: { url, filePath: "job.yaml" } });

  it("a repository is read from where it redirects to, which is asked for leave", async () => {
    const home = await serve();
    const port = new URL(home.origin).port;
    const away = await serve({
      before: (asked, response) => {
        response.writeHead(302, { Location: `http://git.test:${port}${asked.url}` }).end();
        return true;
      },
    });
    const read = async (address: string): Promise<unknown> => {
      const dns = testDns({ localhost: [["127.0.0.1"]], "git.test": [[address]] });
      await using one = await artifactTrial({ egress: createEgress(localPolicy, {}, dns.resolveAll) });
      return await one.read(git(away.url));
    };
    expect(await read("127.0.0.1")).toEqual({ kind: "Job" });
    const before = home.requests.length;
    expect(await failure(read("169.254.169.254"))).toMatchObject({
      code: "EGRESS_REFUSED",
      message: expect.stringContaining("git.test"),
    });
    expect(home.requests).toHaveLength(before);
  });

  it.each(["http", "https"])("a server of %s that is gone is unreachable, with the reason", async (scheme) => {
    const gone = await target();
    await close();
    await using one = await artifactTrial({});
    expect(await failure(one.read(git(`${gone.url.replace("http", scheme)}/a.git`)))).toMatchObject({
      code: "ARTIFACT_UNREACHABLE",
      message: expect.stringContaining("ECONNREFUSED"),
    });
  });

  it("a repository is read through the proxy of the environment, as before", async () => {
    await using proxy = await startProxy({ credentials: "ada:pw" });
    vi.stubEnv("HTTP_PROXY", proxy.url);
    const { url } = await serve();
    const named = url.replace("localhost", "git.test");
    const dns = testDns({ "git.test": [["93.184.216.34"]] });
    await using one = await artifactTrial({ egress: createEgress(publicOnly, {}, dns.resolveAll) });
    expect(await one.read(git(named))).toEqual({ kind: "Job" });
    expect(proxy.asked[0]).toMatchObject({ method: "GET", target: expect.stringContaining(named) });
  });
});

describe("the relay of git", () => {
  it("serves nobody without its password, and is gone after the fetch", async () => {
    const { url, seen } = await target();
    const relay = await openGitRelay({ env: {}, egress: createEgress(localPolicy) }, "git.test:80");
    const { hostname, port, username, password } = new URL(relay.url);
    const ask = async (login?: string): Promise<number | undefined> => {
      const headers =
        login === undefined ? {} : { "Proxy-Authorization": `Basic ${Buffer.from(login).toString("base64")}` };
      const asked = request({ host: hostname, port, path: `${url}/x`, headers }).end();
      const [answer] = (await once(asked, "response")) as [{ statusCode?: number; resume(): void }];
      answer.resume();
      return answer.statusCode;
    };
    expect(await ask()).toBe(407);
    expect(await ask("git:guess")).toBe(407);
    expect(await ask(`${username}:${password}`)).toBe(200);
    expect(seen).toHaveLength(1);
    expect(relay.fault()).toBeUndefined();
    await relay[Symbol.asyncDispose]();
    await expect(once(connect(Number(port), hostname), "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});
