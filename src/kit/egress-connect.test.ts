import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { testDns } from "../../test/servers/dns.ts";
import { startProxy } from "../../test/servers/proxy.ts";
import { parseAllow } from "../lib/egress-rules.ts";
import { createEgress, type Egress, type EgressPolicy, localPolicy } from "./egress.ts";
import { guardedSocket } from "./egress-connect.ts";
import { poolTo } from "./proxy-dispatcher.ts";
import { proxyAgents } from "./proxy-tunnel.ts";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, "close");
  }
});

/** Counts its connections, and answers each request. */
async function serve(address: string, port = 0): Promise<{ readonly port: number; connections: number }> {
  const server = createHttpServer({ keepAliveTimeout: 60_000 }, (_, response) => void response.end("here"));
  server.listen(port, address);
  await once(server, "listening");
  const counted = { port: (server.address() as AddressInfo).port, connections: 0 };
  server.on("connection", (socket) => {
    counted.connections += 1;
    socket.unref();
  });
  const { close } = server;
  server.close = (told) => {
    server.closeAllConnections();
    return close.call(server, told);
  };
  servers.push(server);
  return counted;
}

function only(...texts: readonly string[]): EgressPolicy {
  return { mode: "public", allow: texts.map(parseAllow).flatMap((rule) => ("problem" in rule ? [] : [rule])) };
}

async function get(pool: ReturnType<typeof poolTo>): Promise<string> {
  const { body } = await pool.request({ path: "/", method: "GET", origin: "http://unused" });
  return body.text();
}

const refused = expect.objectContaining({ code: "EGRESS_REFUSED" });

describe("undici's connections", () => {
  const way = (egress: Egress, env = {}) => ({ egress, env });

  it("go to the address that was judged: a name that changes its mind is not followed", async () => {
    const good = await serve("127.0.0.1");
    const bad = await serve("127.0.0.2", good.port);
    const dns = testDns({ "a.test": [["127.0.0.1"], ["127.0.0.2"], ["169.254.169.254"], ["127.0.0.1"]] });
    const egress = createEgress(only("127.0.0.1"), {}, dns.resolveAll);
    const turn = async (): Promise<string> => {
      const pool = poolTo(`http://a.test:${good.port}`, {}, way(egress));
      try {
        return await get(pool);
      } finally {
        await pool.destroy();
      }
    };
    expect(await turn()).toBe("here");
    await expect(turn()).rejects.toThrow(expect.objectContaining({ message: expect.stringContaining("127.0.0.2") }));
    await expect(turn()).rejects.toThrow(expect.objectContaining({ message: expect.stringContaining("169.254.") }));
    expect(await turn()).toBe("here");
    expect([good.connections, bad.connections]).toEqual([2, 0]);
  });

  it("cost a look-up each, and nothing while they are kept", async () => {
    const target = await serve("127.0.0.1");
    const dns = testDns({ "a.test": [["127.0.0.1"]] });
    const egress = createEgress(localPolicy, {}, dns.resolveAll);
    const pool = poolTo(`http://a.test:${target.port}`, { connections: 1 }, way(egress));
    for (let i = 0; i < 5; i++) expect(await get(pool)).toBe("here");
    expect([dns.asked.length, target.connections]).toEqual([1, 1]);
    await pool.destroy();
  });

  it.each(["http://169.254.169.254", "http://[fe80::1]", "http://[::ffff:a9fe:a9fe]:8080", "https://0xa9fea9fe"])(
    "to %s are not made",
    async (origin) => {
      const pool = poolTo(origin, {}, way(createEgress(localPolicy)));
      await expect(get(pool)).rejects.toThrow(refused);
      await pool.destroy();
    },
  );

  it("to literal addresses of private networks are not made with `public`, and are where they are listed", async () => {
    const target = await serve("127.0.0.1");
    const origin = `http://127.0.0.1:${target.port}`;
    const refusing = poolTo(origin, {}, way(createEgress(only())));
    await expect(get(refusing)).rejects.toThrow(refused);
    const listed = poolTo(origin, {}, way(createEgress(only(`127.0.0.1:${target.port}`))));
    expect(await get(listed)).toBe("here");
    expect(target.connections).toBe(1);
    await Promise.all([refusing.destroy(), listed.destroy()]);
  });

  it("through a proxy are judged by the target, and the proxy itself may be anywhere", async () => {
    const target = await serve("127.0.0.1");
    await using proxy = await startProxy();
    const env = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url };
    const dns = testDns({ "a.test": [["8.8.8.8"]], "b.test": [["8.8.8.8", "169.254.169.254"]] });
    const egress = createEgress(only(), {}, dns.resolveAll);
    const through = async (origin: string): Promise<string> => {
      const pool = poolTo(origin, {}, way(egress, env));
      try {
        return await get(pool);
      } finally {
        await pool.destroy();
      }
    };
    expect(await through(`http://a.test:${target.port}`)).toBe("here");
    for (const host of ["b.test", "10.0.0.1", "169.254.169.254", "metadata.google.internal"]) {
      await expect(through(`http://${host}`)).rejects.toThrow(refused);
      await expect(through(`https://${host}`)).rejects.toThrow(refused);
    }
    expect(proxy.asked).toHaveLength(1);
    // what nobody here knows is the proxy's to judge
    expect(await through(`http://unknown.test:${target.port}`)).toBe("here");
  });
});

describe("the agents of Node's own client", () => {
  const ask = async (url: string, egress: Egress, env = {}): Promise<number | undefined> => {
    const { request } = await import("node:http");
    const { httpAgent } = proxyAgents({ egress, env });
    try {
      const asked = request(url, { agent: httpAgent }).end();
      const [answer] = (await once(asked, "response")) as [{ statusCode?: number; resume(): void }];
      answer.resume();
      return answer.statusCode;
    } finally {
      httpAgent.destroy();
    }
  };

  it("ask before each connection, by name and by address", async () => {
    const good = await serve("127.0.0.1");
    const dns = testDns({ "a.test": [["127.0.0.1"], ["169.254.169.254"]] });
    const egress = createEgress(localPolicy, {}, dns.resolveAll);
    expect(await ask(`http://a.test:${good.port}/`, egress)).toBe(200);
    await expect(ask(`http://a.test:${good.port}/`, egress)).rejects.toThrow(refused);
    await expect(ask("http://169.254.169.254/latest/meta-data/", egress)).rejects.toThrow(refused);
    expect(good.connections).toBe(1);
  });

  it("ask before a proxy is asked", async () => {
    const target = await serve("127.0.0.1");
    await using proxy = await startProxy();
    const dns = testDns({ "a.test": [["8.8.8.8"], ["10.0.0.1"]] });
    const egress = createEgress(only(), {}, dns.resolveAll);
    const env = { HTTP_PROXY: proxy.url };
    expect(await ask(`http://a.test:${target.port}/`, egress, env)).toBe(200);
    await expect(ask(`http://a.test:${target.port}/`, egress, env)).rejects.toThrow(refused);
    expect(proxy.asked).toHaveLength(1);
  });
});

describe("a socket for a driver", () => {
  it("connects where it may, and ends with the refusal where it may not", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    servers.push(server);
    const { port } = server.address() as AddressInfo;
    const socket = guardedSocket(createEgress(localPolicy), { host: "127.0.0.1", port });
    await once(socket, "connect");
    socket.destroy();
    for (const place of [{ host: "127.0.0.1", port }, { path: "/run/any.sock" }]) {
      await expect(once(guardedSocket(createEgress(only()), place), "connect")).rejects.toThrow(refused);
    }
    const dns = testDns({ "a.test": [["169.254.169.254"]] });
    const egress = createEgress(localPolicy, {}, dns.resolveAll);
    await expect(once(guardedSocket(egress, { host: "a.test", port }), "connect")).rejects.toThrow(refused);
  });
});
