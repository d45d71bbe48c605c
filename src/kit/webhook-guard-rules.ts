import type { Finding, Path } from "../lib/finding.ts";
import { readNetwork } from "./allow-list.ts";
import { isCertificateName } from "./client-certificate.ts";
import { badValue, conflict, missing, needs, present } from "./rules.ts";
import { type GuardSettings, guardDurationMs, type SignatureSettings } from "./webhook-guard-fields.ts";
import type { Preset } from "./webhook-schemes.ts";

type Settings = GuardSettings & { readonly serverCertSecret?: unknown; readonly serverKeySecret?: unknown };

/** Rules of the fields that say who may send (docs/specs/webhook-security.md). `path` is [] where they are inline. */
export function* guardRules(settings: Settings | undefined, path: Path = []): Iterable<Finding> {
  if (settings === undefined) return;
  if (settings.signature) yield* signatureRules(settings.signature, [...path, "signature"]);
  if (settings.basicAuth) yield* basicAuthRules(settings, [...path, "basicAuth"]);
  if (settings.clientCertificate) yield* certificateRules(settings, [...path, "clientCertificate"]);
  yield* addressRules(settings, path);
  yield* bodyTimeoutRules(settings, [...path, "bodyTimeout"]);
}

/** Fields that say how a sender signs: with a preset that is known. */
const ownFields = ["header", "algorithm", "encoding", "prefix", "timestampHeader", "idHeader", "signed"] as const;
/** The sender signs no time. */
const timeless: readonly Preset[] = ["github"];
const mostSecrets = 8;

function* signatureRules(signature: SignatureSettings, path: Path): Iterable<Finding> {
  const { preset, secrets, tolerance } = signature;
  yield* needs(signature, ["secrets"], path);
  if (secrets !== undefined && secrets.length > mostSecrets) {
    yield badValue([...path, "secrets"], `${secrets.length} secrets: at most ${mostSecrets} can be tried`);
  }
  if (tolerance !== undefined && guardDurationMs(tolerance) === undefined) {
    yield badValue(
      [...path, "tolerance"],
      `${tolerance} is no duration of a millisecond or more`,
      "Write it as 5m or 30s.",
    );
  }
  if (preset === undefined) {
    yield* ownRules(signature, path);
    return;
  }
  for (const field of ownFields) {
    if (signature[field] === undefined) continue;
    yield conflict([...path, field], `preset ${preset} says how it is signed`, `Remove ${field}, or preset.`);
  }
  if (tolerance !== undefined && timeless.includes(preset)) {
    yield conflict([...path, "tolerance"], `${preset} does not sign the time`, "Remove tolerance.");
  }
}

function* ownRules(signature: SignatureSettings, path: Path): Iterable<Finding> {
  const { header, signed = "{body}", timestampHeader, idHeader, tolerance } = signature;
  if (!present(header)) {
    yield missing(path, "signature needs preset or header", "Add preset, or header: the one with the signature.");
  }
  for (const field of ["header", "timestampHeader", "idHeader"] as const) {
    const name = signature[field];
    if (!present(name) || /^[!#$%&'*+\-.^_`|~\w]{1,128}$/.test(name ?? "")) continue;
    yield badValue([...path, field], `${JSON.stringify(name)} cannot be the name of a header`);
  }
  const parts: readonly string[] = signed.match(/\{[^{}]*\}/g) ?? [];
  const unknown = parts.find((part) => !["{body}", "{timestamp}", "{id}"].includes(part));
  if (unknown !== undefined) {
    yield badValue([...path, "signed"], `${unknown} is not known`, "Use {body}, {timestamp} and {id}.");
  }
  if (parts.filter((part) => part === "{body}").length !== 1) {
    yield badValue([...path, "signed"], "signed must have {body} once: what is not signed can be changed by anybody");
  }
  if (present(timestampHeader) && !parts.includes("{timestamp}")) {
    const fix = "Add {timestamp} to signed as the sender does, or remove timestampHeader.";
    yield conflict([...path, "timestampHeader"], "the time is not signed: anybody could write another one", fix);
  }
  for (const [part, field, value] of [
    ["{timestamp}", "timestampHeader", timestampHeader],
    ["{id}", "idHeader", idHeader],
  ] as const) {
    if (parts.includes(part) && !present(value)) {
      yield missing([...path, field], `signed has ${part}: ${field} is missing`, `Add ${field}.`);
    }
  }
  if (tolerance !== undefined && !present(timestampHeader)) {
    yield conflict(
      [...path, "tolerance"],
      "tolerance needs timestampHeader",
      "Add timestampHeader, or remove tolerance.",
    );
  }
}

function* basicAuthRules({ basicAuth = {}, authSecret }: Settings, path: Path): Iterable<Finding> {
  yield* needs(basicAuth, ["username", "password"], path);
  if (authSecret) {
    yield conflict(path, "basicAuth and authSecret need the same header: nobody could send both", "Keep one of them.");
  }
}

function* certificateRules(settings: Settings, path: Path): Iterable<Finding> {
  const { clientCertificate = {}, serverCertSecret, serverKeySecret } = settings;
  yield* needs(clientCertificate, ["caSecret"], path);
  if (!serverCertSecret || !serverKeySecret) {
    const fix = "Add serverCertSecret and serverKeySecret.";
    yield conflict(path, "callers show certificates over TLS only: this port serves plain HTTP", fix);
  }
  const { names } = clientCertificate;
  if (names !== undefined && names.length === 0) {
    yield missing([...path, "names"], "names is empty: nobody would have one", "Add names, or remove the field.");
  }
  for (const [at, name] of (names ?? []).entries()) {
    if (isCertificateName(name)) continue;
    const fix = "Write CN:, DNS:, URI:, email: or IP: and the name.";
    yield badValue([...path, "names", at], `"${name}" is no name of a certificate`, fix);
  }
}

function* addressRules(settings: Settings, path: Path): Iterable<Finding> {
  const { allowFrom, trustedProxies, rateLimit } = settings;
  for (const field of ["allowFrom", "trustedProxies"] as const) {
    const networks = settings[field];
    if (networks?.length === 0) {
      const what = field === "allowFrom" ? "nobody could send" : "it says nothing";
      yield missing([...path, field], `${field} is empty: ${what}`, "Add networks, or remove the field.");
    }
    for (const [at, written] of (networks ?? []).entries()) yield* networkRules(written, [...path, field, at]);
  }
  const counted = rateLimit && rateLimit.per !== "Route";
  if (trustedProxies && !allowFrom && !counted) {
    const message = "no effect: neither allowFrom nor a rateLimit per address asks for the address";
    yield { ...conflict([...path, "trustedProxies"], message, "Remove it, or add allowFrom."), severity: "warning" };
  }
  for (const [at, written] of (trustedProxies ?? []).entries()) {
    if (readNetwork(written)?.bits !== 0) continue;
    const message = "everybody is a proxy that is trusted: callers can name any address as theirs";
    const fix = "Name the addresses of your proxies.";
    yield { ...badValue([...path, "trustedProxies", at], message, fix), severity: "warning" };
  }
}

function* networkRules(written: string, path: Path): Iterable<Finding> {
  const network = readNetwork(written);
  if (network === undefined) {
    yield badValue(
      path,
      `"${written}" is no IP address or network`,
      "Write 192.0.2.0/24, 2001:db8::/32 or one address.",
    );
  } else if (network.loose) {
    const message = `"${written}" has bits after its prefix: all of the network is meant`;
    yield {
      ...badValue(path, message, "Write the first address of the network, or another prefix."),
      severity: "warning",
    };
  }
}

const longestBodyMs = 30_000;

function* bodyTimeoutRules({ bodyTimeout }: Settings, path: Path): Iterable<Finding> {
  if (bodyTimeout === undefined) return;
  const ms = guardDurationMs(bodyTimeout);
  if (ms === undefined)
    yield badValue(path, `${bodyTimeout} is no duration of a millisecond or more`, "Write it as 5s or 500ms.");
  else if (ms > longestBodyMs) yield badValue(path, "no request may take longer than 30s", "Write 30s or less.");
}
