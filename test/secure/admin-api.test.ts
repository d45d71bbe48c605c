import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeIdentity } from "../../examples/stand-in/certificate.ts";
import { answers } from "../../src/console/answers.ts";
import { readChanges } from "../../src/console/audit-log.ts";
import { freePort } from "../servers/server.ts";
import { helloOn, type Running, running, tidemill } from "../tidemill.ts";

/* The admin API as strangers, neighbours and those with tokens of each scope meet it, in a process of its own. */

let folder = "";
let dataDir = "";
let manifest = "";
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-admin-"));
  dataDir = at("data");
  manifest = at("hello.yaml");
  await writeFile(manifest, await helloOn(await freePort()));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function create(name: string, scope: string, dir = dataDir): Promise<string> {
  const { out } = await tidemill(["token", "create", name, "--scope", scope, "--data-dir", dir, "-o", "json"]);
  return answers["token-create"].parse(JSON.parse(out)).token;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** By node:http, since fetch does not let one choose Host and Sec-Fetch-Site. */
function ask(base: string, path: string, { method = "GET", headers = {}, body }: Asked = {}): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const asking = request(new URL(path, base), { method, headers }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    asking.on("error", reject);
    asking.end(body);
  });
}

const json = { "content-type": "application/json" };
const post = (token: string, body = "{}"): Asked => ({
  method: "POST",
  headers: { ...json, authorization: `Bearer ${token}` },
  body,
});

describe("beyond loopback", () => {
  let run: Running;
  const tokens: Record<string, string> = {};
  beforeAll(async () => {
    for (const scope of ["view", "operate", "admin"]) tokens[scope] = await create(`the ${scope}`, scope);
    run = await running([manifest], { dataDir, args: ["--admin", "0.0.0.0:0"] });
  });
  afterAll(() => run[Symbol.asyncDispose]());
  const of = (scope: string): string => tokens[scope] ?? "";
  const statusOf = async (path: string, asked: Asked): Promise<number> => (await ask(run.admin, path, asked)).status;

  test("nobody is answered without a token, neither by a question nor by a stream", async () => {
    for (const path of ["/api/v1/status", "/api/v1/tap", "/api/v1/deadletters/export", "/api/v1/events/x"]) {
      const { status, headers, body } = await ask(run.admin, path);
      expect([path, status, headers["www-authenticate"]]).toEqual([path, 401, 'Bearer realm="tidemill"']);
      expect(JSON.parse(body)).toMatchObject({ code: "TM7081" });
    }
    expect(await statusOf("/api/v1/pause?sensor=hello", { method: "POST", headers: json, body: "{}" })).toBe(401);
  });

  test("probes answer without one, and name nothing", async () => {
    expect(await ask(run.admin, "/livez")).toMatchObject({ status: 200, body: "ok\n" });
    expect(await ask(run.admin, "/readyz?verbose")).toMatchObject({ status: 200, body: "ok\n" });
  });

  test("each scope may do what it says and no more", async () => {
    const calls = {
      view: { path: "/api/v1/status", asked: (token: string) => ({ headers: { authorization: `Bearer ${token}` } }) },
      // an id that nothing has: only the scope is asked here
      operate: { path: "/api/v1/operations/op_none/cancel", asked: post },
      admin: { path: "/api/v1/deadletters/drop", asked: (token: string) => post(token, '{"ids":["none"]}') },
    };
    const table: unknown[] = [];
    for (const scope of ["view", "operate", "admin"]) {
      const row = await Promise.all(Object.values(calls).map(({ path, asked }) => statusOf(path, asked(of(scope)))));
      table.push(row.map((status) => status !== 403));
    }
    expect(table).toEqual([
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ]);
    const refused = await ask(run.admin, calls.admin.path, calls.admin.asked(of("operate")));
    expect(JSON.parse(refused.body)).toMatchObject({ code: "TM7083", detail: expect.stringContaining("scope admin") });
  });

  test("verbs of the same user need no token, those of others one of TIDEMILL_TOKEN or --token", async () => {
    const file = join(dataDir, "admin.token");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await tidemill(["status", "--data-dir", dataDir])).toMatchObject({ code: 0 });
    const there = ["--admin", run.admin];
    // the file's token goes to the server of admin.json alone, and not where --admin leads
    const none = await tidemill(["status", ...there, "--data-dir", dataDir]);
    expect(none).toMatchObject({ code: 2, err: expect.stringContaining("TM7081") });
    expect(await tidemill(["status", ...there, "--token", of("view")])).toMatchObject({ code: 0 });
    const env = { TIDEMILL_TOKEN: of("view") };
    expect(await tidemill(["status", ...there], { env })).toMatchObject({ code: 0 });
    const scope = await tidemill(["dlq", "drop", "x", "--yes", ...there], { env });
    expect(scope).toMatchObject({ code: 2, err: expect.stringContaining("TM7083") });
    const bad = await tidemill(["status", ...there], { env: { TIDEMILL_TOKEN: "hunter2\u0007" } });
    expect(bad.code).toBe(2);
    expect(bad.err).not.toContain("hunter2");
  });

  test("a token that is made while it runs is good at once, and one that is revoked is not", async () => {
    const token = await create("short", "view");
    const asked = { headers: { authorization: `Bearer ${token}` } };
    expect(await statusOf("/api/v1/status", asked)).toBe(200);
    const listed = await tidemill(["token", "list", "--data-dir", dataDir, "-o", "json"]);
    expect(answers["token-ls"].parse(JSON.parse(listed.out)).items.map(({ name }) => name)).toContain("short");
    expect(listed.out).not.toContain(token.slice(17));
    expect(await tidemill(["token", "revoke", "short", "--data-dir", dataDir])).toMatchObject({ code: 0 });
    const { status, body } = await ask(run.admin, "/api/v1/status", asked);
    expect([status, JSON.parse(body).code]).toEqual([401, "TM7082"]);
  });

  test("an address is a good name to ask by, a host name that nobody allowed is not", async () => {
    const authorization = `Bearer ${of("view")}`;
    const { port } = new URL(run.admin);
    for (const [host, status] of [
      [`192.0.2.7:${port}`, 200],
      [`[2001:db8::1]:${port}`, 200],
      [`localhost:${port}`, 200],
      [`rebound.example:${port}`, 403],
      [`127.0.0.1.evil.example:${port}`, 403],
    ] as const) {
      expect([host, await statusOf("/api/v1/status", { headers: { authorization, host } })]).toEqual([host, status]);
    }
  });

  test("wrong tokens are slowed down", async () => {
    const guess = () => ask(run.admin, "/api/v1/status", { headers: { authorization: "Bearer guess" } });
    const answered = [];
    for (let n = 0; n < 6; n++) answered.push(await guess());
    expect(answered[0]?.status).toBe(401);
    const { status, headers } = answered.at(-1) ?? {};
    expect([status, Number(headers?.["retry-after"])]).toEqual([429, 1]);
    expect(await statusOf("/api/v1/status", { headers: { authorization: `Bearer ${of("view")}` } })).toBe(200);
  });

  test("the audit log has who tried what, from where and how it ended, and no token in it", async () => {
    const operator = post(of("operate"));
    expect(await statusOf("/api/v1/pause?kind=sensor&name=hello&reason=upgrade", operator)).toBe(200);
    expect(await statusOf("/api/v1/resume?kind=sensor&name=hello", operator)).toBe(200);
    const edit = JSON.stringify({ id: "firing-1", set: [["body.amount", "hidden-value"]] });
    await ask(run.admin, "/api/v1/deadletters/edit", post(of("admin"), edit));
    const changes = await readChanges(dataDir, 1_000);
    const from = "127.0.0.1";
    expect(changes).toContainEqual({
      at: expect.any(String),
      ...{ who: "the operate", token: expect.any(String), address: from, did: "POST /pause" },
      on: { kind: "sensor", name: "hello", reason: "upgrade" },
      outcome: "done",
    });
    expect(changes).toContainEqual(
      expect.objectContaining({ who: "the view", did: "POST /deadletters/drop", outcome: "refused", code: "TM7083" }),
    );
    expect(changes).toContainEqual(
      expect.objectContaining({ did: "POST /deadletters/edit", on: { id: "firing-1", fields: ["body.amount"] } }),
    );
    expect(changes).toContainEqual(
      expect.objectContaining({ who: "unknown", did: "GET /status", outcome: "refused", code: "TM7082" }),
    );
    expect(changes).toContainEqual(
      expect.objectContaining({ who: "local", did: "token create", on: expect.objectContaining({ name: "the view" }) }),
    );
    const file = join(dataDir, "audit.log");
    const text = await readFile(file, "utf8");
    for (const secret of [...Object.values(tokens).map((token) => token.slice(17)), "hidden-value", "guess"]) {
      expect(text).not.toContain(secret);
    }
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const { out } = await tidemill(["ops", "log", "--data-dir", dataDir, "--limit", "3", "-o", "json"]);
    expect(answers["ops-log"].parse(JSON.parse(out)).items).toHaveLength(3);
  });

  test("the file of this run's token goes with it", async () => {
    const own = (await readFile(join(dataDir, "admin.token"), "utf8")).trim();
    expect(run.err()).not.toContain(own);
    run.kill("SIGTERM");
    expect((await run.ended).code).toBe(0);
    await expect(stat(join(dataDir, "admin.token"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("on loopback", () => {
  let run: Running;
  beforeAll(async () => {
    run = await running([manifest], { dataDir: at("local") });
  });
  afterAll(() => run[Symbol.asyncDispose]());

  test("pages of other sites are kept out, by what a browser says of them", async () => {
    const host = new URL(run.admin).host;
    const refused: readonly Readonly<Record<string, string>>[] = [
      { host: "evil.example" },
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: `https://${host}` },
      { origin: "http://localhost:3000" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ];
    for (const headers of refused) {
      const { status, body } = await ask(run.admin, "/api/v1/status", { headers });
      expect([headers, status, JSON.parse(body).code]).toEqual([headers, 403, "TM7012"]);
    }
    for (const headers of [
      { origin: `http://${host}` },
      { "sec-fetch-site": "same-origin" },
      { "sec-fetch-site": "none" },
    ]) {
      expect([headers, (await ask(run.admin, "/api/v1/status", { headers })).status]).toEqual([headers, 200]);
    }
  });

  test("no answer lets another origin read it, is kept, or can be a page", async () => {
    const origin = `http://${new URL(run.admin).host}`;
    for (const path of ["/api/v1/status", "/api/v1/nothing", "/api/v1/deadletters/export", "/readyz"]) {
      for (const method of ["GET", "OPTIONS"]) {
        const { headers } = await ask(run.admin, path, { method, headers: { origin } });
        expect(Object.keys(headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
        expect(headers["x-content-type-options"]).toBe("nosniff");
        expect(headers["cache-control"]).toBe("no-store");
        expect(headers["content-security-policy"]).toContain("default-src 'none'");
      }
    }
  });

  test("what a form can send changes nothing", async () => {
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      undefined,
    ]) {
      for (const path of ["/api/v1/pause?kind=sensor&name=hello", "/api/v1/send?source=hello&event=example"]) {
        const headers = type === undefined ? {} : { "content-type": type };
        const { status, body } = await ask(run.admin, path, { method: "POST", headers, body: "{}" });
        expect([path, type, status, JSON.parse(body).code]).toEqual([path, type, 415, "TM7085"]);
      }
    }
    expect((await ask(run.admin, "/api/v1/status")).body).not.toContain('"by":"pause"');
  });

  test("a wrong token is refused although none is needed", async () => {
    const { status } = await ask(run.admin, "/api/v1/status", { headers: { authorization: "Bearer guess" } });
    expect(status).toBe(401);
    const token = await create("looker", "view", at("local"));
    expect((await ask(run.admin, "/api/v1/pause?kind=sensor&name=hello", post(token))).status).toBe(403);
  });

  test("admin.json is this user's alone, also where an older one was everybody's", async () => {
    expect((await stat(join(at("local"), "admin.json"))).mode & 0o777).toBe(0o600);
  });
});

test("on loopback a token can be asked for, and the same user's verbs have one", async () => {
  const dir = at("strict");
  await mkdir(dir);
  await writeFile(join(dir, "admin.json"), "{}", { mode: 0o644 });
  await writeFile(join(dir, "admin.token"), "old", { mode: 0o644 });
  await using run = await running([manifest], { dataDir: dir, args: ["--require-token"] });
  expect((await ask(run.admin, "/api/v1/status")).status).toBe(401);
  expect(await tidemill(["status", "--data-dir", dir])).toMatchObject({ code: 0 });
  for (const name of ["admin.json", "admin.token"]) expect((await stat(join(dir, name))).mode & 0o777).toBe(0o600);
});

test("with a certificate it speaks https alone", async () => {
  const dir = at("tls");
  const { privateKey, certificate } = await makeIdentity("localhost", new Date());
  await writeFile(at("cert.pem"), certificate);
  await writeFile(at("key.pem"), String(privateKey.export({ type: "pkcs8", format: "pem" })));
  const token = await create("ci", "view", dir);
  const args = ["--admin", "0.0.0.0:0", "--admin-tls", `${at("cert.pem")},${at("key.pem")}`];
  await using run = await running([manifest], { dataDir: dir, args });
  expect(run.admin).toMatch(/^https:/);
  expect(run.err()).not.toContain("without TLS");
  const { port } = new URL(run.admin);
  const status = await new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, origin: `https://localhost:${port}` };
    const options = { host: "localhost", port, path: "/api/v1/status", ca: certificate, headers };
    httpsRequest(options, (response) => resolve(response.resume().statusCode))
      .on("error", reject)
      .end();
  });
  expect(status).toBe(200);
  const env = { NODE_EXTRA_CA_CERTS: at("cert.pem"), TIDEMILL_TOKEN: token };
  expect(await tidemill(["status", "--admin", `https://localhost:${port}`], { env })).toMatchObject({ code: 0 });
  await expect(ask(`http://127.0.0.1:${port}`, "/livez")).rejects.toThrow();
});

test("a certificate that cannot be used is refused, without the key in the answer", async () => {
  await writeFile(at("bad.pem"), "-----BEGIN PRIVATE KEY-----\nc2VjcmV0c2VjcmV0\n-----END PRIVATE KEY-----\n");
  for (const files of ["only-one.pem", `${at("bad.pem")},${at("bad.pem")}`, `${at("none.pem")},${at("bad.pem")}`]) {
    const { code, err } = await tidemill(["run", manifest, "--data-dir", at("never"), "--admin-tls", files]);
    expect([files, code]).toEqual([files, 2]);
    expect(err).toContain("TM7088");
    expect(err).not.toContain("c2VjcmV0");
  }
});
