import { createHmac } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { makeAuthority } from "../../test/certificates.ts";
import { freePort } from "../../test/servers/server.ts";
import { routeOf, type WebhookSettings } from "../kit/callback.ts";
import type { RefusalReason, Route } from "../kit/webhook.ts";
import { systemClock } from "../lib/clock.ts";
import { TideError } from "../lib/errors.ts";
import { type Log, silentLog } from "../lib/log.ts";
import { createFold } from "../telemetry/fold.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createListeners } from "./listeners.ts";
import { counted, createRefusals } from "./refusals.ts";

const opened: AsyncDisposableStack[] = [];

afterEach(async () => {
  for (const one of opened.splice(0)) await one.disposeAsync();
});

const ref = (key: string) => ({ name: "hook", key });

/** Listeners on a free port of 127.0.0.1, and routes as entries have them. */
async function start(
  secrets: Record<string, string> = {},
  options: { readonly host?: string; readonly log?: Log } = {},
) {
  const stack = new AsyncDisposableStack();
  opened.push(stack);
  const listeners = stack.use(createListeners({ log: silentLog, ...options }));
  const port = await freePort();
  const refused: RefusalReason[] = [];
  const served: string[] = [];
  const secret = async ({ key }: { readonly key: string }): Promise<string> => {
    const value = secrets[key];
    if (value === undefined) throw new TideError("SECRET_MISSING", key);
    return value;
  };
  const serve = async (settings: WebhookSettings & { readonly path?: string }, more: Partial<Route> = {}) => {
    const { path = "/a", ...rest } = settings;
    const entry = { namespace: "default", eventSource: "test", event: path };
    const cx = { secret, clock: systemClock, entry };
    const route = await routeOf({ endpoint: path, port: String(port), ...rest }, "POST", cx);
    return listeners.route({ ...route, refused: (reason) => refused.push(reason), ...more }, async ({ body }) => {
      served.push(Buffer.from(body).toString());
      return { status: 200, body: "taken\n" };
    });
  };
  const post = (path: string, body = "{}", headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", body, headers });
  return { port, serve, post, refused, served, secrets, listeners };
}

/** What comes back until the server closes, or until `enough`. */
async function answerOn(socket: Socket, enough: RegExp = /$^/): Promise<string> {
  let text = "";
  const done = Promise.withResolvers<void>();
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    if (enough.test(text)) done.resolve();
  });
  socket.on("error", () => done.resolve());
  socket.on("close", () => done.resolve());
  await done.promise;
  return text;
}

describe("a refusal before the body", () => {
  const far = { allowFrom: ["192.0.2.0/24"] };

  test("does not wait for it, and ends a connection on which it would still come", async () => {
    const { serve, port, refused, served } = await start();
    await serve(far);
    const socket = connect(port, "127.0.0.1");
    socket.write("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    const text = await answerOn(socket);
    expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
    expect(text).toMatch(/\r\n\r\nforbidden\n$/);
    expect([refused, served]).toEqual([["address"], []]);
  });

  test("asks nobody to go on who asked whether to", async () => {
    const { serve, port } = await start();
    await serve(far);
    const socket = connect(port, "127.0.0.1");
    socket.write("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
    expect(await answerOn(socket)).toMatch(/^HTTP\/1\.1 403 /);
  });

  test("leaves a connection to go on whose body is small", async () => {
    const { serve, port } = await start();
    await serve(far);
    await serve({ path: "/b" });
    const socket = connect(port, "127.0.0.1");
    const request = (path: string) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello`;
    socket.write(request("/a") + request("/b"));
    expect(await answerOn(socket, /taken\n$/)).toMatch(/^HTTP\/1\.1 403 .*HTTP\/1\.1 200 /s);
    socket.destroy();
  });

  test("of somebody who goes while a secret is read is no trouble", async () => {
    const reading = Promise.withResolvers<void>();
    const going = Promise.withResolvers<void>();
    const { serve, port, post, served } = await start();
    const guard: NonNullable<Route["guard"]> = {
      reasons: [],
      verify: undefined,
      admit: async () => {
        reading.resolve();
        await going.promise;
        return undefined;
      },
    };
    await serve({}, { guard });
    await serve({ path: "/b" });
    const socket = connect(port, "127.0.0.1");
    socket.write("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel");
    await reading.promise;
    socket.destroy();
    await once(socket, "close");
    expect((await post("/b")).status).toBe(200);
    going.resolve();
    expect((await post("/b")).status).toBe(200);
    expect(served).toEqual(["{}", "{}"]);
  });

  test("that cannot be decided is 503", async () => {
    const { serve, post } = await start();
    await serve({}, { guard: { reasons: [], verify: undefined, admit: () => Promise.reject(new Error("no disk")) } });
    const answer = await post("/a");
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
  });
});

describe("limits", () => {
  test("a body that is too large is told, declared or not, and read no further", async () => {
    const { serve, port, refused } = await start();
    await serve({ maxPayloadSize: 10 });
    const declared = connect(port, "127.0.0.1");
    declared.write("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n");
    expect(await answerOn(declared)).toMatch(/^HTTP\/1\.1 413 /);
    const chunked = connect(port, "127.0.0.1");
    chunked.write("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n6\r\n123456\r\n");
    expect(await answerOn(chunked)).toMatch(/^HTTP\/1\.1 413 /);
    expect(refused).toEqual(["size", "size"]);
  });

  test("a body that takes longer than the route gives it is 408, of that route only", async () => {
    const { serve, port, refused, served } = await start();
    await serve({ bodyTimeout: "50ms" });
    await serve({ path: "/b" });
    const slow = connect(port, "127.0.0.1");
    const patient = connect(port, "127.0.0.1");
    const head = (path: string) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab`;
    slow.write(head("/a"));
    patient.write(head("/b"));
    expect(await answerOn(slow)).toMatch(/^HTTP\/1\.1 408 .*the body took longer than 50 ms\n$/s);
    patient.write("cd");
    expect(await answerOn(patient, /taken\n$/)).toMatch(/^HTTP\/1\.1 200 /);
    patient.destroy();
    expect([refused, served]).toEqual([["time"], ["abcd"]]);
  });

  test("a rate is 429 with Retry-After", async () => {
    const { serve, post, refused } = await start();
    await serve({ rateLimit: { requestsPerUnit: 1, unit: "Minute", burst: 2, per: "Route" } });
    expect([(await post("/a")).status, (await post("/a")).status]).toEqual([200, 200]);
    const answer = await post("/a");
    expect([answer.status, Number(answer.headers.get("retry-after")) > 50]).toEqual([429, true]);
    expect(refused).toEqual(["rate"]);
  });
});

test("addresses are those of the connection, or what a proxy of ours tells", async () => {
  const { serve, post } = await start();
  await serve({ allowFrom: ["127.0.0.0/8"] });
  await serve({ path: "/b", allowFrom: ["198.51.100.0/24"], trustedProxies: ["127.0.0.1"] });
  await serve({ path: "/c", allowFrom: ["198.51.100.0/24"], trustedProxies: ["127.0.0.2"] });
  expect((await post("/a")).status).toBe(200);
  const forwarded = (value: string) => ({ "X-Forwarded-For": value });
  expect((await post("/b")).status).toBe(403);
  expect((await post("/b", "{}", forwarded("198.51.100.7"))).status).toBe(200);
  expect((await post("/b", "{}", forwarded("198.51.100.7, 203.0.113.9"))).status).toBe(403);
  expect((await post("/c", "{}", forwarded("198.51.100.7"))).status).toBe(403);
});

test("a bearer token is asked for before the body, in the words that it always had", async () => {
  const { serve, port, post, refused, secrets } = await start({ token: "t" });
  await serve({ authSecret: ref("token") });
  const socket = connect(port, "127.0.0.1");
  socket.write("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  expect(await answerOn(socket)).toMatch(
    /^HTTP\/1\.1 401 .*WWW-Authenticate: Bearer.*Invalid Authorization Header\n$/s,
  );
  expect((await post("/a", "{}", { Authorization: "Bearer t" })).status).toBe(200);
  delete secrets.token;
  const lost = await post("/a", "{}", { Authorization: "Bearer t" });
  expect([lost.status, await lost.text()]).toEqual([500, "Error loading auth token\n"]);
  expect(refused).toEqual(["credentials", "credentials"]);
});

test("a request without a body may have to have a name too", async () => {
  const { serve, port, served } = await start({ user: "me", word: "w" });
  await serve({ basicAuth: { username: ref("user"), password: ref("word") } });
  const ask = async (credentials: string) => {
    const socket = connect(port, "127.0.0.1");
    const authorization = `Authorization: Basic ${Buffer.from(credentials).toString("base64")}`;
    socket.write(`POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${authorization}\r\n\r\n`);
    return (await answerOn(socket)).split(" ")[1];
  };
  expect([await ask("me:w"), await ask("me:x"), served]).toEqual(["200", "401", [""]]);
});

describe("certificates of clients", () => {
  const server = makeAuthority("servers").issue({ commonName: "localhost", dns: ["localhost"] });
  const partners = makeAuthority("partners");
  const partner = partners.issue({ commonName: "shop-7", dns: ["shop-7.example"], uris: ["spiffe://example/shop-7"] });
  const secrets = { crt: server.cert, key: server.key, ca: partners.certificate };
  const tls = { serverCertSecret: ref("crt"), serverKeySecret: ref("key") };
  const clientCertificate = { caSecret: ref("ca") };

  type Client = Partial<typeof partner> & { readonly session?: Buffer; readonly maxVersion?: "TLSv1.2" };

  /** The first line of the answer, and a session to come back with. */
  async function call(port: number, path: string, client: Client = {}) {
    const socket = tlsConnect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...client });
    let session: Buffer | undefined;
    socket.on("session", (given: Buffer) => {
      session = given;
    });
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`);
    let resumed = false;
    socket.on("secureConnect", () => {
      resumed = socket.isSessionReused();
    });
    const text = await answerOn(socket);
    return { line: text.slice(0, text.indexOf("\r\n")), session, resumed };
  }

  test.each([{}, { maxVersion: "TLSv1.2" as const }])("let in who shows one of the CA, with %j", async (version) => {
    const { serve, port, refused } = await start(secrets);
    await serve({ ...tls, clientCertificate });
    expect((await call(port, "/a", { ...partner, ...version })).line).toBe("HTTP/1.1 200 OK");
    expect((await call(port, "/a", version)).line).toBe("HTTP/1.1 403 Forbidden");
    const stranger = makeAuthority("strangers").issue({ commonName: "shop-7" });
    expect((await call(port, "/a", { ...stranger, ...version })).line).toBe("HTTP/1.1 403 Forbidden");
    const late = partners.issue({ commonName: "shop-7", until: new Date(Date.now() - 60_000) });
    expect((await call(port, "/a", { ...late, ...version })).line).toBe("HTTP/1.1 403 Forbidden");
    expect(refused).toEqual(["certificate", "certificate", "certificate"]);
    // with a signature that is wrong TLS 1.2 does not even come to its end
    const forged = makeAuthority("partners").issue({ commonName: "shop-7" });
    expect((await call(port, "/a", { ...forged, ...version })).line).toMatch(/^$|^HTTP\/1\.1 403 /);
  });

  test("are known again in a session that goes on, and none is where none was", async () => {
    const { serve, port } = await start(secrets);
    await serve({ ...tls, clientCertificate });
    for (const [client, line] of [
      [{ ...partner, maxVersion: "TLSv1.2" as const }, "HTTP/1.1 200 OK"],
      [{ maxVersion: "TLSv1.2" as const }, "HTTP/1.1 403 Forbidden"],
    ] as const) {
      const first = await call(port, "/a", client);
      const again = await call(port, "/a", { ...client, ...(first.session ? { session: first.session } : {}) });
      expect([first.line, again.line, again.resumed]).toEqual([line, line, true]);
    }
  });

  test("may have to have a name, for each route its own; the health of the port asks for none", async () => {
    const { serve, port } = await start(secrets);
    const named = (names: readonly string[]) => ({ ...tls, clientCertificate: { ...clientCertificate, names } });
    await serve({ path: "/cn", ...named(["CN:other", "CN:shop-7"]) });
    await serve({ path: "/dns", ...named(["DNS:shop-7.example"]) });
    await serve({ path: "/uri", ...named(["URI:spiffe://example/shop-7"]) });
    await serve({ path: "/other", ...named(["CN:shop-8", "DNS:shop-7", "URI:spiffe://example/shop"]) });
    const lines = await Promise.all(["/cn", "/dns", "/uri", "/other"].map((path) => call(port, path, partner)));
    expect(lines.map(({ line }) => line.split(" ")[1])).toEqual(["200", "200", "200", "403"]);
    const other = partners.issue({ commonName: "shop-9" });
    expect((await call(port, "/cn", other)).line).toBe("HTTP/1.1 403 Forbidden");
    expect((await call(port, "/health")).line).toMatch(/ (200|405) /);
  });

  test("are asked for by all routes of a port, or by none", async () => {
    const { serve } = await start(secrets);
    await serve({ ...tls, clientCertificate });
    await expect(serve({ path: "/b", ...tls })).rejects.toMatchObject({ code: "ROUTE_INVALID" });
    await expect(serve({ path: "/b", clientCertificate })).rejects.toMatchObject({ code: "FIELD_CONFLICT" });
    const bundle = `# ours\n${partners.certificate}\n${makeAuthority("others").certificate}`;
    await (await start({ ...secrets, ca: bundle })).serve({ ...tls, clientCertificate });
    for (const ca of ["no pem", "", partners.certificate.slice(0, -40), bundle.replace(/MII..../g, "MIIxxxxx")]) {
      const broken = await start({ ...secrets, ca });
      await expect(broken.serve({ ...tls, clientCertificate })).rejects.toMatchObject({ code: "SECRET_UNFIT" });
    }
  });
});

test("a signature is over the bytes as they came, in however many pieces", async () => {
  const { serve, port } = await start({ s: "secret" });
  await serve({ signature: { preset: "github", secrets: [ref("s")] } });
  const body = Buffer.concat([Buffer.from('{"é": "\\u00e9"}\r\n\0'), Buffer.from([0xff, 0xfe])]);
  const mac = createHmac("sha256", "secret").update(body).digest("hex");
  const socket = connect(port, "127.0.0.1");
  const lines = [
    "POST /a HTTP/1.1",
    "Host: x",
    `X-Hub-Signature-256: sha256=${mac}`,
    "Transfer-Encoding: chunked",
    "Connection: close",
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  for (const byte of body)
    socket.write(Buffer.concat([Buffer.from("1\r\n"), Buffer.from([byte]), Buffer.from("\r\n")]));
  socket.write("0\r\n\r\n");
  expect(await answerOn(socket)).toMatch(/^HTTP\/1\.1 200 /);
});

test("hostile headers are refused, and the next request is served", async () => {
  const { serve, port, post, served } = await start({ s: "whsec_c2VjcmV0", user: "u", word: "w" });
  const presets = ["github", "gitlab", "slack", "stripe", "standardWebhooks"] as const;
  for (const preset of presets) {
    await serve({
      path: `/${preset}`,
      signature: { preset, secrets: [ref("s")] },
      trustedProxies: ["127.0.0.1"],
      allowFrom: ["127.0.0.1"],
    });
  }
  await serve({ path: "/basic", basicAuth: { username: ref("user"), password: ref("word") } });
  await serve({ path: "/open" });
  const names = fc.constantFrom(
    ...["X-Hub-Signature-256", "X-Gitlab-Token", "X-Slack-Signature", "X-Slack-Request-Timestamp", "Stripe-Signature"],
    ...["webhook-id", "webhook-timestamp", "webhook-signature", "X-Forwarded-For", "Authorization", "Idempotency-Key"],
  );
  const now = String(Math.floor(Date.now() / 1000));
  const value = fc.oneof(
    // what Node's parser lets through at all
    fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 40 }),
    fc.constantFrom(
      now,
      `t=${now},v1=00`,
      "v1,",
      "v0=",
      "sha256=",
      "Basic ",
      "Basic Og==",
      "127.0.0.1",
      "__proto__",
      "=".repeat(9_000),
      "v1,".repeat(2_000),
    ),
  );
  const paths = fc.constantFrom(...presets.map((preset) => `/${preset}`), "/basic");
  await fc.assert(
    fc.asyncProperty(paths, fc.array(fc.tuple(names, value), { maxLength: 6 }), async (path, headers) => {
      const socket = connect(port, "127.0.0.1");
      const lines = headers.map(([name, text]) => `${name}: ${text}\r\n`).join("");
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n${lines}\r\n{}`,
        "latin1",
      );
      expect(await answerOn(socket)).toMatch(/^HTTP\/1\.1 (401|403|431|400) /);
    }),
    { numRuns: 120 },
  );
  expect((await post("/open")).status).toBe(200);
  expect(served).toEqual(["{}"]);
});

test("refusals are counted by their reason, and told once a minute without what was sent", async () => {
  const lines: object[] = [];
  const log: Log = { ...silentLog, warn: (fields, message) => lines.push({ ...fields, message }) };
  const metrics = createMetrics({ version: "0", commit: "" });
  const source = metrics.source({ namespace: "n", eventSource: "s", event: "e" });
  const { serve, post } = await start({ s: "secret" });
  const refusals = createRefusals(source, createFold(log, systemClock));
  const { refused } = counted({ port: 1, path: "/", maxBytes: 1, owner: "o" }, refusals);
  if (refused === undefined) throw new Error("nobody counts");
  await serve({ signature: { preset: "github", secrets: [ref("s")] } }, { refused });
  for (let n = 0; n < 20; n++) await post("/a", "canary-body", { "X-Hub-Signature-256": `sha256=${"a".repeat(64)}` });
  await post("/a", "canary-body");
  const labels = 'namespace="n",eventsource="s",event="e"';
  const text = await metrics.text();
  expect(text).toContain(`tidemill_requests_refused_total{${labels},reason="signature"} 20`);
  expect(text).toContain(`tidemill_requests_refused_total{${labels},reason="headers"} 1`);
  expect(lines).toEqual([
    { reason: "signature", remoteAddress: "127.0.0.1", message: "a request was refused" },
    { reason: "headers", remoteAddress: "127.0.0.1", message: "a request was refused" },
  ]);
});

test("a port that others reach says so where nothing tells who sends", async () => {
  const lines: string[] = [];
  const log: Log = { ...silentLog, warn: (fields) => lines.push(JSON.stringify(fields)) };
  const { serve } = await start({ t: "t" }, { host: "0.0.0.0", log });
  await serve({ path: "/known", authSecret: ref("t") });
  await serve({ path: "/limited", rateLimit: { requestsPerUnit: 1 } });
  expect(lines).toEqual([expect.stringContaining("/limited")]);
  const local = await start({}, { log });
  await local.serve({ path: "/local" });
  expect(lines).toHaveLength(1);
});
