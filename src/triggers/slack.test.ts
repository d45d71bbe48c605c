import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { slack } from "./slack.ts";
import { type Trial, trial } from "./trial.ts";

interface Posted {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
}

let server: Server;
let baseUrl = "";
let posted: Posted[] = [];
let answer: (post: Posted, response: ServerResponse) => void;

const accepts = ({ body }: Posted, response: ServerResponse): void =>
  json(response, 200, { ok: true, channel: body.channel, ts: `17000.${posted.length}` });

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

beforeAll(async () => {
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(parts).toString()) as Posted["body"];
      const post = { path: request.url, headers: request.headers, body };
      posted.push(post);
      answer(post, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  baseUrl = `http://127.0.0.1:${typeof bound === "object" ? bound?.port : ""}/api/`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  posted = [];
  answer = accepts;
});

function open(config: object): Promise<Trial> {
  const whole = { baseUrl, slackToken: { name: "slack", key: "token" }, channel: "#jobs", message: "done", ...config };
  return trial(slack, whole, { secrets: { "slack/token": "xoxb-1" } });
}

test("a message is posted with the token, its # left out, and all that the manifest says of it", async () => {
  await using one = await open({
    attachments: '[{"text":"a"}]',
    blocks: '{"blocks":[{"type":"divider"}]}',
    sender: { username: "tide", icon: ":ocean:" },
    thread: { broadcastMessageToChannel: true },
  });
  expect(await one.fire()).toEqual({ said: "posted to jobs" });
  expect(posted[0]?.path).toBe("/api/chat.postMessage");
  expect(posted[0]?.headers.authorization).toBe("Bearer xoxb-1");
  expect(posted[0]?.body).toEqual({
    channel: "jobs",
    text: "done",
    attachments: [{ text: "a" }],
    blocks: [{ type: "divider" }],
    username: "tide",
    icon_emoji: ":ocean:",
    reply_broadcast: true,
  });
});

test("messages of one key make a thread, also where they come at once", async () => {
  await using one = await open({ thread: { messageAggregationKey: "o-7" } });
  await Promise.all([one.fire(), one.fire(), one.fire()]);
  expect(posted.map(({ body }) => body.thread_ts)).toEqual([undefined, "17000.1", "17000.1"]);
});

test("a thread whose beginning could not be posted is begun by the next message", async () => {
  answer = (_, response) => json(response, 200, { ok: false, error: "internal_error" });
  await using one = await open({ thread: { messageAggregationKey: "o-7" } });
  await expect(one.fire()).rejects.toThrow("internal_error");
  answer = accepts;
  await one.fire();
  expect(posted.map(({ body }) => body.thread_ts)).toEqual([undefined, undefined]);
});

test("a thread that was deleted begins anew", async () => {
  await using one = await open({ thread: { messageAggregationKey: "o-7" } });
  await one.fire();
  answer = (post, response) =>
    post.body.thread_ts === "17000.1"
      ? json(response, 200, { ok: false, error: "thread_not_found" })
      : accepts(post, response);
  await one.fire();
  await one.fire();
  expect(posted.map(({ body }) => body.thread_ts)).toEqual([undefined, "17000.1", undefined, "17000.3"]);
});

test.each([
  ["not_in_channel", "never"],
  ["invalid_auth", "never"],
  ["msg_too_long", "never"],
  ["a_word_of_tomorrow", "never"],
  ["internal_error", "backoff"],
  ["service_unavailable", "backoff"],
])("%s is a failure that is tried again: %s", async (error, retry) => {
  answer = (_, response) => json(response, 200, { ok: false, error });
  await using one = await open({});
  await expect(one.fire()).rejects.toMatchObject({ retry, message: expect.stringContaining(error) });
});

test("what Slack says of blocks and scopes is told", async () => {
  answer = (_, response) =>
    json(response, 200, {
      ok: false,
      error: "invalid_blocks",
      needed: "chat:write",
      response_metadata: { messages: ["[ERROR] no such block [json-pointer:/blocks/0]"] },
    });
  await using one = await open({});
  await expect(one.fire()).rejects.toThrow("needs the scope chat:write; [ERROR] no such block");
});

test("a rate limit is waited for as long as Slack asks", async () => {
  answer = (_, response) => json(response, 429, { ok: false, error: "ratelimited" }, { "retry-after": "30" });
  await using one = await open({});
  await expect(one.fire()).rejects.toMatchObject({ code: "SLACK_BUSY", retry: { afterMs: 30_000 } });
});

test.each([
  [502, "bad gateway", "SLACK_BUSY"],
  [200, "<html>a proxy</html>", "SLACK_REFUSED"],
  [404, "", "SLACK_REFUSED"],
])("status %i with %s is %s", async (status, body, code) => {
  answer = (_, response) => void response.writeHead(status).end(body);
  await using one = await open({});
  await expect(one.fire()).rejects.toMatchObject({ code });
});

test("the token follows no redirect", async () => {
  answer = (_, response) => void response.writeHead(307, { location: baseUrl }).end();
  await using one = await open({});
  await expect(one.fire()).rejects.toMatchObject({ code: "TARGET_REDIRECTS" });
  expect(posted).toHaveLength(1);
});

test.each([
  [{ channel: "#" }, "no channel"],
  [{ message: "" }, "none of message"],
  [{ blocks: "{" }, "blocks is no JSON"],
  [{ attachments: '"text"' }, "attachments is no JSON list"],
])("%j is no message", async (config, why) => {
  await using one = await open(config);
  await expect(one.fire()).rejects.toMatchObject({ code: "MESSAGE_INVALID", message: expect.stringContaining(why) });
  expect(posted).toEqual([]);
});
