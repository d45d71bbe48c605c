import { generateKeyPairSync, verify } from "node:crypto";
import { afterEach, expect, it } from "vitest";
import { describeWithServer } from "../../../test/servers/describe.ts";
import { type GitHttp, startGitHttp } from "../../../test/servers/git-http.ts";
import { makeGitSource } from "../../../test/servers/git-repository.ts";
import { Scope } from "../../lib/scope.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import { failure } from "../http/trial-targets.ts";
import { artifactTrial } from "./artifact-trial.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = privateKey.export({ type: "pkcs1", format: "pem" }).toString();
const githubApp = { privateKey: { name: "app", key: "pem" }, appID: 12345, installationID: 67890 };

describeWithServer("git", () => {
  const scopes: Scope[] = [];
  afterEach(async () => {
    for (const scope of scopes.splice(0)) await scope[Symbol.asyncDispose]();
  });

  /** A server as GitHub Enterprise: its API gives out a new token each time, and git wants the last one. */
  async function bench(answer?: (token: string) => readonly [status: number, body: string]) {
    const scope = new Scope();
    scopes.push(scope);
    const clock = new VirtualClock();
    const source = await makeGitSource();
    await source.commit({ "pack.yaml": "v: 1" });
    const tokens: string[] = [];
    const expires = () => new Date(clock.nowMs() + 3_600_000).toISOString();
    const server: GitHttp = scope.use(
      await startGitHttp(source.folder, {
        login: () => `x-access-token:${tokens.at(-1)}`,
        before: ({ url, method }, response) => {
          if (!url?.startsWith("/api/v3/")) return false;
          const token = `token${tokens.push(`token${tokens.length + 1}`)}`;
          const [status, body] = answer?.(token) ?? [201, JSON.stringify({ token, expires_at: expires() })];
          response.writeHead(method === "POST" ? status : 405).end(body);
          return true;
        },
      }),
    );
    const one = scope.use(await artifactTrial({ secrets: { "app/pem": pem }, clock }));
    const read = () => one.read({ git: { url: server.url, githubApp, filePath: "pack.yaml" } });
    const asked = () => server.requests.filter(({ line }) => line.includes("/api/v3/"));
    return { clock, read, asked };
  }

  it("a GitHub App proves itself, and its installation's token opens the repository for as long as it lives", async () => {
    const { clock, read, asked } = await bench();
    expect(await read()).toEqual({ v: 1 });
    expect(await read()).toEqual({ v: 1 });
    expect(asked().map(({ line }) => line)).toEqual(["POST /api/v3/app/installations/67890/access_tokens"]);
    const [head = "", claims = "", signature = ""] = (asked()[0]?.authorization ?? "")
      .replace("Bearer ", "")
      .split(".");
    expect(verify("RSA-SHA256", Buffer.from(`${head}.${claims}`), publicKey, Buffer.from(signature, "base64url"))).toBe(
      true,
    );
    const seconds = Math.floor(clock.nowMs() / 1000);
    expect(JSON.parse(Buffer.from(head, "base64url").toString())).toEqual({ alg: "RS256", typ: "JWT" });
    expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toEqual({
      iat: seconds - 60,
      exp: seconds + 540,
      iss: "12345",
    });
    await clock.advance(55 * 60_000);
    expect(await read()).toEqual({ v: 1 });
    expect(asked()).toHaveLength(2);
  });

  it.each([
    [401, '{"message":"Bad credentials"}', "ARTIFACT_REFUSED"],
    [404, '{"message":"Not Found"}', "ARTIFACT_MISSING"],
    [502, "", "ARTIFACT_UNREACHABLE"],
    [201, "hello", "ARTIFACT_REFUSED"],
    [201, '{"token":5,"expires_at":"x"}', "ARTIFACT_REFUSED"],
  ])("an API that answers %i %s gives no token", async (status, body, code) => {
    const { read } = await bench(() => [status, body]);
    expect(await failure(read())).toMatchObject({ code });
  });
});

it("a GitHub App needs a private key", async () => {
  const git = { url: "https://github.com/x/y.git", filePath: "a.yaml" };
  const read = async (secret: string, app: object) => {
    await using one = await artifactTrial({ secrets: { "app/pem": secret } });
    return await one.read({ git: { ...git, githubApp: app } });
  };
  const error = await failure(read("no key", githubApp));
  expect(error).toMatchObject({ code: "ARTIFACT_REFUSED" });
  expect(error.message).toContain("githubApp.privateKey");
  expect(await failure(read(pem, { appID: 1 }))).toMatchObject({ code: "ARTIFACT_REFUSED", retry: "never" });
});
