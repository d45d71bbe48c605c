import { expect, test } from "vitest";
import { guardRules } from "./webhook-guard-rules.ts";

const ref = { name: "s", key: "k" };
const tls = { serverCertSecret: ref, serverKeySecret: ref };
const signature = (more: object) => ({ signature: { secrets: [ref], ...more } });

function told(settings: object): string[] {
  return [...guardRules(settings, ["webhook"])].map(
    ({ severity, code, path }) => `${severity} ${code} ${path.slice(1).join(".")}`,
  );
}

test.each<[object]>([
  [{}],
  [signature({ preset: "github" })],
  [signature({ preset: "stripe", tolerance: "10m", once: true })],
  [signature({ header: "X-Sig" })],
  [
    signature({
      header: "X-Sig",
      timestampHeader: "X-Time",
      idHeader: "X-Id",
      signed: "{id}.{timestamp}.{body}",
      tolerance: 60e9,
    }),
  ],
  [signature({ header: "X-Sig", idHeader: "X-Id" })],
  [{ basicAuth: { username: ref, password: ref } }],
  [{ ...tls, clientCertificate: { caSecret: ref, names: ["CN:a b", "DNS:a.example", "URI:spiffe://a/b", "IP:::1"] } }],
  [{ allowFrom: ["192.0.2.0/24", "2001:db8::/32", "192.0.2.7", "::1"], trustedProxies: ["10.0.0.0/8"] }],
  [{ rateLimit: { requestsPerUnit: 5 }, trustedProxies: ["10.0.0.0/8"] }],
  [{ bodyTimeout: "5s" }],
  [{ bodyTimeout: "30s" }],
])("%j is fine", (settings) => {
  expect(told(settings)).toEqual([]);
});

test.each<[object, string[]]>([
  [{ signature: { preset: "github" } }, ["error FIELD_MISSING signature.secrets"]],
  [{ signature: { preset: "github", secrets: [] } }, ["error FIELD_MISSING signature.secrets"]],
  [signature({}), ["error FIELD_MISSING signature"]],
  [signature({ preset: "github", secrets: Array(9).fill(ref) }), ["error FIELD_VALUE signature.secrets"]],
  [signature({ preset: "github", tolerance: "5m" }), ["error FIELD_CONFLICT signature.tolerance"]],
  [signature({ preset: "slack", tolerance: "soon" }), ["error FIELD_VALUE signature.tolerance"]],
  [signature({ preset: "slack", tolerance: "-5m" }), ["error FIELD_VALUE signature.tolerance"]],
  [
    signature({ preset: "slack", header: "X-Sig", algorithm: "sha1" }),
    ["error FIELD_CONFLICT signature.header", "error FIELD_CONFLICT signature.algorithm"],
  ],
  [signature({ header: "X Sig" }), ["error FIELD_VALUE signature.header"]],
  [
    signature({ header: "X-Sig", signed: "{bodi}" }),
    ["error FIELD_VALUE signature.signed", "error FIELD_VALUE signature.signed"],
  ],
  [signature({ header: "X-Sig", signed: "{body}{body}" }), ["error FIELD_VALUE signature.signed"]],
  [signature({ header: "X-Sig", signed: "{timestamp}.{body}" }), ["error FIELD_MISSING signature.timestampHeader"]],
  [signature({ header: "X-Sig", signed: "{id}.{body}" }), ["error FIELD_MISSING signature.idHeader"]],
  [signature({ header: "X-Sig", timestampHeader: "X-Time" }), ["error FIELD_CONFLICT signature.timestampHeader"]],
  [signature({ header: "X-Sig", tolerance: "5m" }), ["error FIELD_CONFLICT signature.tolerance"]],
  [{ basicAuth: { username: ref } }, ["error FIELD_MISSING basicAuth.password"]],
  [{ basicAuth: { username: ref, password: ref }, authSecret: ref }, ["error FIELD_CONFLICT basicAuth"]],
  [{ clientCertificate: { caSecret: ref } }, ["error FIELD_CONFLICT clientCertificate"]],
  [{ ...tls, clientCertificate: {} }, ["error FIELD_MISSING clientCertificate.caSecret"]],
  [{ ...tls, clientCertificate: { caSecret: ref, names: [] } }, ["error FIELD_MISSING clientCertificate.names"]],
  [
    { ...tls, clientCertificate: { caSecret: ref, names: ["CN:a", "a.example", "IP:x"] } },
    ["error FIELD_VALUE clientCertificate.names.1", "error FIELD_VALUE clientCertificate.names.2"],
  ],
  [{ allowFrom: [] }, ["error FIELD_MISSING allowFrom"]],
  [
    { allowFrom: ["192.0.2.0/33", "::1", "example.com"] },
    ["error FIELD_VALUE allowFrom.0", "error FIELD_VALUE allowFrom.2"],
  ],
  [{ allowFrom: ["192.0.2.7/24"] }, ["warning FIELD_VALUE allowFrom.0"]],
  [{ trustedProxies: ["10.0.0.1"] }, ["warning FIELD_CONFLICT trustedProxies"]],
  [
    { trustedProxies: ["10.0.0.1"], rateLimit: { requestsPerUnit: 1, per: "Route" } },
    ["warning FIELD_CONFLICT trustedProxies"],
  ],
  [{ trustedProxies: ["0.0.0.0/0"], allowFrom: ["::1"] }, ["warning FIELD_VALUE trustedProxies.0"]],
  [{ bodyTimeout: "31s" }, ["error FIELD_VALUE bodyTimeout"]],
  [{ bodyTimeout: "0s" }, ["error FIELD_VALUE bodyTimeout"]],
  [{ bodyTimeout: 5 }, ["error FIELD_VALUE bodyTimeout"]],
  [{ bodyTimeout: 5e9 }, []],
])("%j", (settings, expected) => {
  expect(told(settings)).toEqual(expected);
});
