import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { afterEach, expect, test } from "vitest";
import { makeIdentity } from "../../examples/stand-in/certificate.ts";
import { email } from "./email.ts";
import { type Trial, trial } from "./trial.ts";

interface Received {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
  readonly secure: boolean;
  readonly user: string | false | undefined;
}

let servers: SMTPServer[] = [];
let received: Received[] = [];

afterEach(async () => {
  for (const server of servers) await new Promise<void>((resolve) => server.close(() => resolve()));
  servers = [];
  received = [];
});

function refusal(message: string, responseCode: number): Error {
  return Object.assign(new Error(message), { responseCode });
}

async function serve(options: SMTPServerOptions = {}): Promise<number> {
  const server = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    allowInsecureAuth: true,
    closeTimeout: 10,
    onAuth: ({ username, password }, _, done) =>
      password === "right" ? done(null, { user: username }) : done(refusal("535 no", 535)),
    onData(stream, session, done) {
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("end", () => {
        const { mailFrom, rcptTo } = session.envelope;
        received.push({
          from: mailFrom === false ? "" : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text: Buffer.concat(parts).toString(),
          secure: session.secure,
          user: session.user ?? false,
        });
        done();
      });
    },
    ...options,
  });
  server.on("error", () => undefined);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.server.address() as AddressInfo).port;
}

function open(port: number, config: object = {}, more: Readonly<Record<string, string>> = {}): Promise<Trial> {
  const mail = {
    from: "Shop <shop@example.org>",
    to: ["ada@example.org"],
    subject: "Grüße",
    body: "An order\n.\nmore",
  };
  const secrets = { "smtp/right": "right", "smtp/wrong": "wrong", ...more };
  return trial(email, { host: "127.0.0.1", port, ...mail, ...config }, { secrets });
}

const right = { username: "shop", smtpPassword: { name: "smtp", key: "right" } };

test("each address gets a mail of its own, once, with an id made of the firing", async () => {
  const port = await serve();
  await using one = await open(port, { to: ["ada@example.org", "bob@example.org", "ada@example.org"] });
  expect(await one.fire({ key: "k1" })).toEqual({ said: "sent to ada@example.org, bob@example.org" });
  expect(received.map(({ from, to }) => [from, to])).toEqual([
    ["shop@example.org", ["ada@example.org"]],
    ["shop@example.org", ["bob@example.org"]],
  ]);
  const ids = received.map(({ text }) => /^Message-ID: (<[\da-f]{32}@example\.org>)\r$/im.exec(text)?.[1]);
  expect(new Set(ids).size).toBe(2);
  expect(ids[0]).toBeDefined();
  expect(received[0]?.text).toMatch(/^From: Shop <shop@example.org>\r$/m);
  expect(received[0]?.text).toMatch(/^Subject: =\?UTF-8\?/m);
  expect(received[0]?.text).toContain("An order\r\n.\r\nmore");
  // the same firing in another process: the same id
  await using again = await open(port);
  await again.fire({ key: "k1" });
  expect(received[2]?.text).toContain(ids[0]);
});

test("a recipient that is refused does not keep the mail from the others, and they do not get it twice", async () => {
  let refuses = true;
  const port = await serve({
    onRcptTo: ({ address }, _, done) =>
      refuses && address.startsWith("bob") ? done(refusal("450 later", 450)) : done(),
  });
  await using one = await open(port, { to: ["bob@example.org", "ada@example.org"] });
  await expect(one.fire({ key: "k1" })).rejects.toMatchObject({
    code: "MAIL_DEFERRED",
    message: expect.stringContaining("bob@example.org"),
  });
  expect(received.map(({ to }) => to[0])).toEqual(["ada@example.org"]);
  refuses = false;
  await one.fire({ key: "k1" });
  expect(received.map(({ to }) => to[0])).toEqual(["ada@example.org", "bob@example.org"]);
});

test("a refusal for good is not tried again", async () => {
  const port = await serve({ onRcptTo: (_, __, done) => done(refusal("550 no such user", 550)) });
  await using one = await open(port);
  await expect(one.fire()).rejects.toMatchObject({ code: "MAIL_REFUSED", retry: "never" });
});

test("a login is made, and a wrong password is refused for good", async () => {
  const port = await serve({ authOptional: false });
  await using one = await open(port, right);
  await one.fire();
  expect(received[0]?.user).toBe("shop");
  await using other = await open(port, { ...right, smtpPassword: { name: "smtp", key: "wrong" } });
  const failed = other.fire();
  await expect(failed).rejects.toMatchObject({ code: "MAIL_REFUSED", retry: "never" });
  await expect(failed).rejects.not.toThrow("wrong");
});

test("TLS is begun where the server has it, and its certificate is checked", async () => {
  const { privateKey, certificate } = await makeIdentity("localhost", new Date());
  const key = privateKey.export({ type: "pkcs8", format: "pem" });
  const port = await serve({ hideSTARTTLS: false, key, cert: certificate });
  await using one = await open(port);
  await expect(one.fire()).rejects.toMatchObject({ code: "TARGET_TLS" });
  await using careless = await open(port, { tls: { insecureSkipVerify: true } });
  await careless.fire();
  await using careful = await open(
    port,
    { host: "localhost", ...right, tls: { caCertSecret: { name: "tls", key: "ca" } } },
    { "tls/ca": certificate },
  );
  await careful.fire();
  expect(received.map(({ secure, user }) => [secure, user])).toEqual([
    [true, false],
    [true, "shop"],
  ]);
});

test("no mail goes out without TLS where it is wanted, and no password", async () => {
  let logins = 0;
  const port = await serve({ disabledCommands: ["STARTTLS"], onAuth: (_, __, done) => done(null, { user: ++logins }) });
  await using one = await open(port, { ...right, requireTLS: true });
  await expect(one.fire()).rejects.toMatchObject({ code: "MAIL_REFUSED" });
  expect([received, logins]).toEqual([[], 0]);
});

test("a server that is away, that ends the connection, or that says nothing", async () => {
  const port = await serve({
    onData(stream, session) {
      stream.resume();
      stream.on("end", () => {
        const connection = [...(servers[0]?.connections ?? [])].find((one) => Reflect.get(one, "session") === session);
        const socket: unknown = connection === undefined ? undefined : Reflect.get(connection, "_socket");
        if (typeof socket === "object" && socket !== null) Reflect.get(socket, "destroy").call(socket);
      });
    },
  });
  await using one = await open(port);
  await expect(one.fire()).rejects.toMatchObject({ code: "TARGET_RESET", retry: "backoff" });
  await using away = await open(1);
  await expect(away.fire()).rejects.toMatchObject({ code: "TARGET_UNREACHABLE" });
});

test("text of an event makes neither headers nor recipients", async () => {
  const port = await serve();
  await using one = await open(port, {
    subject: "hello\r\nBcc: eve@evil.test\r\n\r\nbody",
    body: "x\r\n.\r\nMAIL FROM:<eve@evil.test>",
  });
  await one.fire();
  expect(received).toHaveLength(1);
  expect(received[0]?.to).toEqual(["ada@example.org"]);
  expect(received[0]?.text).not.toMatch(/^Bcc:/im);
});

test.each([
  [{ to: [] }, "nobody"],
  [{ to: ["ada@example.org, eve@evil.test"] }, "no address"],
  [{ to: ["ada@example.org>\r\nRCPT TO:<eve@evil.test"] }, "no address"],
  [{ from: "shop" }, "no address"],
  [{ from: "Shop\r\nBcc: eve@evil.test <shop@example.org>" }, "no address"],
  [{ host: "" }, "no host"],
])("%j is no mail", async (config, why) => {
  await using one = await open(1, config);
  await expect(one.fire()).rejects.toMatchObject({ code: "MESSAGE_INVALID", message: expect.stringContaining(why) });
});

test("it ends at once when it is aborted", async () => {
  const port = await serve({ onData: (stream) => void stream.resume() });
  await using one = await open(port);
  const startedMs = performance.now();
  await expect(one.fire({ signal: AbortSignal.timeout(100) })).rejects.toThrow();
  expect(performance.now() - startedMs).toBeLessThan(1_100);
});
