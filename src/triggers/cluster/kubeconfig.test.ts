import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWithServer } from "../../../test/servers/describe.ts";
import { controlPlane, type KubernetesServer, startKubernetes } from "../../../test/servers/kubernetes.ts";
import { systemClock } from "../../lib/clock.ts";
import { KubeCluster } from "./kube-cluster.ts";
import { type ClusterConfig, inClusterConfig, readKubeconfig, textOf } from "./kubeconfig.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-kubeconfig-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, text);
  return path;
}

const two = `
apiVersion: v1
kind: Config
current-context: shop
clusters:
  - { name: near, cluster: { server: "https://near:6443/", certificate-authority: ca.pem, tls-server-name: api } }
  - { name: far, cluster: { server: "https://far/k8s/c-1", insecure-skip-tls-verify: true, proxy-url: "http://proxy:1" } }
users:
  - { name: anna, user: { client-certificate: keys/a.pem, client-key-data: a2V5, as: boss, as-groups: [all] } }
  - { name: bert, user: { token: written, tokenFile: token } }
  - { name: carl, user: { exec: { command: ./login, args: [1, two], env: [{ name: A, value: b }], apiVersion: x/v1 } } }
contexts:
  - { name: shop, context: { cluster: near, user: anna, namespace: shop } }
  - { name: other, context: { cluster: far, user: bert } }
  - { name: third, context: { cluster: far, user: carl } }
  - { name: anonymous, context: { cluster: far } }
  - { name: broken, context: { cluster: gone, user: bert } }
`;

describe("a kubeconfig", () => {
  const read = (file: string | undefined, context?: string, env: Readonly<Record<string, string>> = {}) =>
    readKubeconfig({ file, context, env });

  it("gives the current context, or the one that is named, with paths from its own folder", async () => {
    const file = await write("sub/config", two);
    expect(await read(file)).toEqual({
      shown: `context shop of ${file}`,
      server: "https://near:6443",
      ca: { file: join(folder, "sub/ca.pem") },
      skipVerify: false,
      serverName: "api",
      user: {
        cert: { file: join(folder, "sub/keys/a.pem") },
        key: { text: "key" },
        impersonate: { user: "boss", groups: ["all"] },
      },
    });
    expect(await read(file, "other")).toMatchObject({
      server: "https://far/k8s/c-1",
      skipVerify: true,
      proxyUrl: "http://proxy:1",
      user: { token: { file: join(folder, "sub/token") } },
    });
    expect((await read(file, "third")).user.exec).toMatchObject({
      command: join(folder, "sub/login"),
      args: ["1", "two"],
      env: { A: "b" },
      apiVersion: "x/v1",
    });
    expect((await read(file, "anonymous")).user).toEqual({});
  });

  it("of several files is joined, the first of a name counts", async () => {
    const first = await write("first", "current-context: mine\nusers: [{ name: bert, user: { token: mine } }]\n");
    const context = "contexts: [{ name: mine, context: { cluster: far, user: bert } }]\n";
    const second = await write("second", context);
    const third = await write("third", two);
    const joined = await read(undefined, undefined, { KUBECONFIG: [first, second, third].join(":") });
    expect(joined).toMatchObject({ server: "https://far/k8s/c-1", user: { token: { text: "mine" } } });
    const home = await write("home/.kube/config", two);
    expect((await read(undefined, undefined, { HOME: join(folder, "home") })).shown).toContain(home);
  });

  it.each([
    ["", "is no map"],
    ["[a", "cannot be read"],
    ["{}", "has no current-context: name one with --context"],
    ["current-context: x", "there is no context x in "],
    [two.replace("current-context: shop", "current-context: broken"), "names the cluster gone, which is not in"],
    [two.replace("https://near:6443/", "near"), "its cluster has no server that is an http or https URL"],
    [two.replace("http://proxy:1", "::"), undefined],
    ["clusters: 5\nusers: [1]\ncontexts: { a: b }\ncurrent-context: a", "there is no context a"],
  ])("that is %j is refused with its fault", async (text, fault) => {
    const file = await write("bad", text);
    if (fault === undefined) expect(await read(file)).toMatchObject({ server: "https://near:6443" });
    else
      await expect(read(file)).rejects.toMatchObject({
        code: "CLUSTER_CONFIG",
        message: expect.stringContaining(fault),
      });
  });

  it("that is not there is named", async () => {
    await expect(read(join(folder, "none"))).rejects.toMatchObject({ code: "CLUSTER_CONFIG" });
    await expect(textOf({ file: join(folder, "none") })).rejects.toMatchObject({ code: "CLUSTER_CONFIG" });
  });
});

describeWithServer(controlPlane, () => {
  let server: KubernetesServer;
  beforeAll(async () => {
    server = await startKubernetes();
  }, 90_000);
  afterAll(() => server?.[Symbol.asyncDispose]());

  const never = new AbortController().signal;
  const place = { apiVersion: "v1", kind: "Namespace", namespace: "", name: "default" };
  const open = (load: () => Promise<ClusterConfig>) =>
    new KubeCluster({ load, env: {}, clock: systemClock, sdk: (_, from) => from() });

  it("is not needed in a pod, whose token file is read again", async () => {
    const { port } = new URL(server.url);
    const account = join(folder, "account");
    await write("account/ca.crt", server.ca);
    await write("account/token", `${server.adminToken}\n`);
    const env = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: port };
    await using cluster = open(async () => inClusterConfig(env, account) ?? expect.unreachable());
    expect(await cluster.get(place, never)).toMatchObject({ metadata: { name: "default" } });
    expect(inClusterConfig({}, account)).toBeUndefined();
    expect(inClusterConfig({ KUBERNETES_SERVICE_HOST: "fd00::1" }, account)?.server).toBe("https://[fd00::1]:443");
  });

  it("may name a proxy, which the connection then goes through", async () => {
    const asked: string[] = [];
    const proxy = createServer();
    proxy.on("connect", (request, client) => {
      asked.push(request.url ?? "");
      const [host, port] = (request.url ?? "").split(":");
      const upstream = connect(Number(port), host, () => {
        client.write("HTTP/1.1 200 OK\r\n\r\n");
        upstream.pipe(client);
        client.pipe(upstream);
      });
      for (const socket of [upstream, client])
        socket.on("error", () => {
          upstream.destroy();
          client.destroy();
        });
    });
    await once(proxy.listen(0, "127.0.0.1"), "listening");
    const file = await server.kubeconfig(join(folder, "proxied"));
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const text = (await readFile(file, "utf8")).replace('"server":', `"proxy-url": ${JSON.stringify(url)}, "server":`);
    await writeFile(file, text);
    {
      await using cluster = open(() => readKubeconfig({ file, context: undefined, env: {} }));
      expect(await cluster.get(place, never)).toMatchObject({ metadata: { name: "default" } });
    }
    expect(new Set(asked)).toEqual(new Set([new URL(server.url).host]));
    proxy.close();
  });

  it("with the certificate of another server is refused as TLS", async () => {
    const file = await server.kubeconfig(join(folder, "untrusted"));
    const text = (await readFile(file, "utf8")).replace(
      /"certificate-authority-data": "[^"]*"/,
      '"tls-server-name": "x"',
    );
    await writeFile(file, text);
    await using cluster = open(() => readKubeconfig({ file, context: undefined, env: {} }));
    await expect(cluster.get(place, never)).rejects.toMatchObject({ code: "TARGET_TLS" });
  });

  it("with an auth-provider uses the one of @kubernetes/client-node", async () => {
    const file = await server.kubeconfig(join(folder, "provider"));
    const provider = { name: "oidc", config: { "id-token": "not.a.token", "idp-issuer-url": "https://127.0.0.1:1" } };
    const text = (await readFile(file, "utf8")).replace(
      /"token": "[^"]*"/,
      `"auth-provider": ${JSON.stringify(provider)}`,
    );
    await writeFile(file, text);
    await using cluster = open(() => readKubeconfig({ file, context: undefined, env: {} }));
    await expect(cluster.get(place, never)).rejects.toMatchObject({ code: "CLUSTER_CONFIG" });
  });
});
