import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { dataOf, type TrialOptions, trial } from "../kit/testing.ts";
import { type MemoryRequest, memoryListener } from "../kit/testing-listener.ts";
import { sns } from "./sns.ts";
import { webhook } from "./webhook.ts";

const entry = { endpoint: "/orders", method: "POST", port: "12000" };
const ref = (key: string) => ({ name: "hook", key });
const secrets = { "hook/a": "old secret", "hook/b": "new secret", "hook/user": "me", "hook/word": "canary-word" };

async function open(config: object, options: TrialOptions = {}) {
  const http = memoryListener();
  const running = trial(webhook, { ...entry, ...config }, { secrets, ...options, http });
  await running.ready();
  return {
    running,
    send: (request: Partial<MemoryRequest> = {}) => http.request({ path: "/orders", body: "{}", ...request }),
    [Symbol.asyncDispose]: () => running.stop(),
  };
}

function github(body: string, id: string, secret = "new secret") {
  const signature = `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
  return {
    body,
    headers: { "X-Hub-Signature-256": signature, "X-GitHub-Delivery": id, "Content-Type": "application/json" },
  };
}

describe("a signed webhook", () => {
  const signature = { preset: "github", secrets: [ref("a"), ref("b")] };

  test("takes what either secret has signed, once for each delivery", async () => {
    await using hook = await open({ signature });
    expect((await hook.send(github('{"n":1}', "d-1"))).status).toBe(200);
    expect((await hook.send(github('{"n":1}', "d-1"))).status).toBe(200);
    expect((await hook.send(github('{"n":2}', "d-2", "old secret"))).status).toBe(200);
    const [first, again, second] = [await hook.running.next(), await hook.running.next(), await hook.running.next()];
    expect([first, again, second].map(({ receipt }) => receipt.outcome)).toEqual(["stored", "duplicate", "stored"]);
    expect(dataOf(second).json).toMatchObject({ body: { n: 2 } });
  });

  test("takes nothing else, and says nothing of why", async () => {
    await using hook = await open({ signature });
    const right = github("{}", "d-1");
    const answers = [
      await hook.send({ ...right, body: '{"n":2}' }),
      await hook.send({ ...right, headers: {} }),
      await hook.send(github("{}", "d-1", "a guess")),
    ];
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]?.status).toBe(401);
    expect(hook.running.emits).toBe(0);
  });

  test("is known by its delivery, whatever a header that is not signed calls the event; a batch has its own ids", async () => {
    await using hook = await open({ signature });
    const event = (id: string) => ({ specversion: "1.0", type: "t", source: "/s", id });
    const one = github(JSON.stringify(event("1")), "d-1");
    await hook.send({ ...one, headers: { ...one.headers, "Content-Type": "application/cloudevents+json" } });
    const both = github(JSON.stringify([event("2"), event("3")]), "d-2");
    await hook.send({ ...both, headers: { ...both.headers, "Content-Type": "application/cloudevents-batch+json" } });
    const ids = hook.running.taken.map(({ draft }) => draft.upstreamId);
    expect(ids).toEqual(['["delivery","github","d-1"]', '["/s","2"]', '["/s","3"]']);
    const plain = github("{}", "d-3");
    await hook.send(plain);
    const forged = { "ce-specversion": "1.0", "ce-id": "another", "ce-source": "/s", "ce-type": "t" };
    await hook.send({ ...plain, headers: { ...plain.headers, ...forged } });
    expect(hook.running.taken.slice(-2).map(({ receipt }) => receipt.outcome)).toEqual(["stored", "duplicate"]);
  });

  test("does not begin without its secrets", async () => {
    const http = memoryListener();
    const running = trial(webhook, { ...entry, signature }, { http });
    await expect(running.ready()).rejects.toMatchObject({ code: "SECRET_MISSING" });
    expect(http.routes).toEqual([]);
  });
});

test("GitLab's token gets into no event and no line", async () => {
  await using hook = await open({ signature: { preset: "gitlab", secrets: [ref("word")] } });
  const headers = { "X-Gitlab-Token": "canary-word", "Idempotency-Key": "i-1" };
  expect((await hook.send({ headers })).status).toBe(200);
  const { text } = dataOf(await hook.running.next());
  expect(text).toContain('"X-Gitlab-Token":["*** Masked Auth Secret ***"]');
  expect(text + JSON.stringify(hook.running.log)).not.toContain("canary-word");
  expect((await hook.send({ headers: { ...headers, "X-Gitlab-Token": "canary-wore" } })).status).toBe(401);
});

test("Slack's question is answered, and is no event", async () => {
  await using hook = await open({ signature: { preset: "slack", secrets: [ref("a")] } });
  const time = String(Math.floor(Date.now() / 1000));
  const body = '{"type":"url_verification","challenge":"c-1"}';
  const mac = createHmac("sha256", "old secret").update(`v0:${time}:${body}`).digest("hex");
  const headers = { "X-Slack-Signature": `v0=${mac}`, "X-Slack-Request-Timestamp": time };
  expect(await hook.send({ body, headers })).toEqual({ status: 200, body: "c-1" });
  expect(hook.running.emits).toBe(0);
});

test("everything that is asked for must be there", async () => {
  const basicAuth = { username: ref("user"), password: ref("word") };
  const signature = { preset: "github", secrets: [ref("b")] };
  await using hook = await open({
    basicAuth,
    signature,
    allowFrom: ["192.0.2.0/24"],
    rateLimit: { requestsPerUnit: 50 },
  });
  const { body, headers } = github("{}", "d-1");
  const Authorization = `Basic ${Buffer.from("me:canary-word").toString("base64")}`;
  const right = { body, headers: { ...headers, Authorization }, remoteAddress: "192.0.2.9" };
  expect((await hook.send(right)).status).toBe(200);
  expect(dataOf(await hook.running.next()).text).not.toContain(Authorization.slice(6));
  expect(await hook.send({ ...right, remoteAddress: "192.0.3.9" })).toEqual({ status: 403, body: "forbidden\n" });
  const withoutName = await hook.send({ ...right, headers });
  expect(withoutName).toMatchObject({ status: 401, headers: { "WWW-Authenticate": expect.stringMatching(/^Basic /) } });
  expect((await hook.send({ ...right, headers: { Authorization } })).status).toBe(401);
  expect(hook.running.emits).toBe(1);
});

test("who calls too often is told when to come again, and others are not held up", async () => {
  await using hook = await open({ rateLimit: { requestsPerUnit: 2, unit: "Hour" } });
  const from = (remoteAddress: string) => hook.send({ remoteAddress });
  expect([(await from("::1")).status, (await from("::2")).status]).toEqual([200, 200]);
  const late = await from("::3");
  expect(late).toMatchObject({ status: 429, body: "too many requests\n" });
  expect(Number(late.headers?.["Retry-After"])).toBeGreaterThan(1_700);
  expect((await from("192.0.2.1")).status).toBe(200);
});

test("behind a proxy each caller has a rate of its own; a stranger cannot name another", async () => {
  await using hook = await open({ rateLimit: { requestsPerUnit: 1, unit: "Hour" }, trustedProxies: ["10.0.0.1"] });
  const by = async (remoteAddress: string, forwarded: string) =>
    (await hook.send({ remoteAddress, headers: { "X-Forwarded-For": forwarded } })).status;
  expect([await by("10.0.0.1", "1.1.1.1"), await by("10.0.0.1", "1.1.1.2"), await by("10.0.0.1", "1.1.1.1")]).toEqual([
    200, 200, 429,
  ]);
  expect([await by("9.9.9.9", "2.2.2.2"), await by("9.9.9.9", "3.3.3.3")]).toEqual([200, 429]);
});

test("SNS is asked for what fits it, not for a signature of its own", () => {
  const rules = (webhookFields: object) =>
    [
      ...(sns.lint?.(
        sns.config.parse({
          region: "eu-central-1",
          topicArn: "a",
          webhook: { ...entry, url: "http://x", ...webhookFields },
        }),
      ) ?? []),
    ].map(({ code, path }) => `${code} ${path.join(".")}`);
  expect(rules({ allowFrom: ["192.0.2.0/24"], basicAuth: { username: ref("user"), password: ref("word") } })).toEqual(
    [],
  );
  expect(rules({ signature: { preset: "github", secrets: [ref("a")] } })).toEqual(["FIELD_CONFLICT webhook.signature"]);
  expect(rules({ allowFrom: ["x"] })).toEqual(["FIELD_VALUE webhook.allowFrom.0"]);
});
