import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Identity, makeIdentity } from "../../../examples/stand-in/certificate.ts";
import { http } from "../http.ts";
import { trial } from "../trial.ts";
import { failure, fireOnce, header, type Seen, trialTargets, turn } from "./trial-targets.ts";

const { secureTarget, close } = trialTargets();
afterEach(close);

describe("TLS", () => {
  let server: Identity;
  let client: Identity;
  let url: string;
  const pem = ({ privateKey }: Identity) => privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const ref = (key: string) => ({ name: "tls", key });

  beforeAll(async () => {
    [server, client] = await Promise.all([makeIdentity("localhost", new Date()), makeIdentity("client", new Date())]);
  });

  async function secure(options: object): Promise<readonly Seen[]> {
    const made = await secureTarget({ key: pem(server), cert: server.certificate, ...options });
    url = made.url;
    return made.seen;
  }

  it("refuses a certificate that nobody vouches for", async () => {
    const seen = await secure({});
    expect(await failure(fireOnce({ url }))).toMatchObject({ code: "TARGET_TLS", retry: "backoff" });
    expect(seen).toHaveLength(0);
  });

  it("trusts the CA of caCertSecret, and keeps the connection", async () => {
    const seen = await secure({});
    await using one = await trial(
      http,
      { url, tls: { caCertSecret: ref("ca") } },
      { secrets: { "tls/ca": server.certificate } },
    );
    expect(await one.fire()).toMatchObject({ status: 200 });
    await turn();
    expect(await one.fire()).toMatchObject({ status: 200 });
    expect(new Set(seen.map(({ socket }) => socket)).size).toBe(1);
  });

  it("takes the name from the URL, not from `host`", async () => {
    const seen = await secure({});
    const tls = { caCertSecret: ref("ca") };
    await fireOnce({ url, tls, host: "shop.example" }, {}, { secrets: { "tls/ca": server.certificate } });
    expect(header(seen[0], "host")).toBe("shop.example");
  });

  it("shows its client certificate", async () => {
    const seen = await secure({ requestCert: true, rejectUnauthorized: true, ca: client.certificate });
    const secrets = { "tls/ca": server.certificate, "tls/cert": client.certificate, "tls/key": pem(client) };
    const tls = { caCertSecret: ref("ca"), clientCertSecret: ref("cert"), clientKeySecret: ref("key") };
    expect(await fireOnce({ url, tls }, {}, { secrets })).toMatchObject({ status: 200 });
    expect(seen).toHaveLength(1);
    const without = await failure(fireOnce({ url, tls: { caCertSecret: ref("ca") } }, {}, { secrets }));
    expect(["TARGET_TLS", "TARGET_RESET"]).toContain(without.code);
  });

  it("accepts any certificate with insecureSkipVerify, and no PEM never", async () => {
    await secure({});
    expect(await fireOnce({ url, tls: { insecureSkipVerify: true } })).toMatchObject({ status: 200 });
    const broken = trial(http, { url, tls: { caCertSecret: ref("ca") } }, { secrets: { "tls/ca": "x" } });
    await expect(broken).rejects.toMatchObject({ code: "TARGET_TLS" });
  });

  it("is another connection with other secrets, and the same with the same", () => {
    const key = (tls: object) => http.connectionKey?.(http.config.parse({ url: "https://x/a?b", tls }));
    expect(key({ caCertSecret: ref("a") })).not.toBe(key({ caCertSecret: ref("b") }));
    expect(http.connectionKey?.({ url: "https://x/a" })).toBe(http.connectionKey?.({ url: "https://x:443/b" }));
  });
});
