import type { Clock } from "../lib/clock.ts";
import { TideError } from "../lib/errors.ts";
import type { KeyRef } from "./fields.ts";
import { keepSecrets } from "./kept-secrets.ts";
import { LazyRequest } from "./lazy-request.ts";
import type { Guard, RefusalReason, Refused, RequestHead, WebRequest, WebResponse } from "./webhook.ts";
import { guardDurationMs, type SignatureSettings } from "./webhook-guard-fields.ts";
import { ownScheme, presetScheme } from "./webhook-schemes.ts";
import { matchOf, type Proof, type SignatureKey, type SignatureScheme } from "./webhook-signature.ts";

/** The part of a guard that looks at signatures: first at the headers, then at the body. */
export interface SignatureCheck {
  readonly reasons: readonly RefusalReason[];
  admit(head: RequestHead): Refused | undefined;
  readonly verify: NonNullable<Guard["verify"]>;
}

/** One answer for all that is wrong with a signature: whoever tries does not learn how far he got. */
const unauthorized: WebResponse = {
  status: 401,
  headers: { "WWW-Authenticate": "Signature" },
  body: "unauthorized\n",
};

const masked = "*** Masked Auth Secret ***";

/** Rejects with SECRET_MISSING, SECRET_UNFIT or FIELD_VALUE. */
export async function signatureCheck(
  settings: SignatureSettings,
  { secret, clock }: { readonly secret: (ref: KeyRef) => Promise<string>; readonly clock: Clock },
): Promise<SignatureCheck> {
  const scheme = schemeOf(settings);
  const { secrets: refs = [], once = false } = settings;
  if (refs.length === 0) throw new TideError("FIELD_MISSING", "signature needs secrets");
  const kept = await keepSecrets({ refs, secret, make: scheme.keyOf, clock });
  /** What the headers show that a key can fit, now. */
  const shown = (
    rawHeaders: readonly string[],
    keys: readonly SignatureKey[] | undefined,
  ): Refused | readonly Proof[] => {
    const proofs = scheme.proofs(rawHeaders).filter(({ kind }) => keys?.some((key) => key.kind === kind) ?? true);
    if (proofs.length === 0) return { reason: "headers", answer: unauthorized };
    const nowMs = clock.nowMs();
    const timely = proofs.filter((proof) => isInTime(scheme, proof, nowMs));
    return timely.length > 0 ? timely : { reason: "timestamp", answer: unauthorized };
  };
  return {
    reasons: ["headers", ...(scheme.toleranceMs === undefined ? [] : ["timestamp" as const]), "signature"],
    admit({ rawHeaders }) {
      const keys = kept.get();
      // where they are just read anew, what no key can fit is found out with the body
      const proofs = shown(rawHeaders, keys instanceof Promise ? undefined : keys);
      return "reason" in proofs ? proofs : undefined;
    },
    async verify(request) {
      const { body } = request;
      const keys = await kept.get();
      const proofs = shown(request.rawHeaders, keys);
      if ("reason" in proofs) return proofs;
      let match = matchOf(scheme, { proofs, keys, body });
      if (match === undefined) {
        const others = await kept.again();
        if (others !== undefined) match = matchOf(scheme, { proofs, keys: others, body });
      }
      if (match === undefined) return { reason: "signature", answer: unauthorized };
      const about = scheme.about?.(body);
      if (about?.answer !== undefined) return { status: 200, body: about.answer };
      const id = (once ? match.signature : undefined) ?? match.proof.id ?? about?.id;
      return vouchedFor(request, { scheme, id });
    },
  };
}

function isInTime({ toleranceMs }: SignatureScheme, { kind, signedMs }: Proof, nowMs: number): boolean {
  if (toleranceMs === undefined || kind === "token") return true;
  return signedMs !== undefined && Math.abs(nowMs - signedMs) <= toleranceMs;
}

/** The request with what is known of it now, and without what was secret in it. */
function vouchedFor(
  request: WebRequest,
  { scheme, id }: { readonly scheme: SignatureScheme; readonly id: string | undefined },
): WebRequest {
  const { method, path, query, body, remoteAddress, receivedUs } = request;
  const rawHeaders = withoutSecrets(request.rawHeaders, scheme.secretHeaders);
  // no id of a CloudEvent (source and id) has three parts
  const known = id === undefined || id === "" ? {} : { deliveryId: JSON.stringify(["delivery", scheme.name, id]) };
  const vouched = { method, path, query, rawHeaders, body, remoteAddress, receivedUs, ...known };
  return new LazyRequest(vouched, () => request.signal);
}

function withoutSecrets(rawHeaders: readonly string[], names: readonly string[]): readonly string[] {
  if (names.length === 0) return rawHeaders;
  return rawHeaders.map((value, at) => {
    const name = at % 2 === 1 ? (rawHeaders[at - 1] ?? "").toLowerCase() : "";
    return names.includes(name) ? masked : value;
  });
}

const usualToleranceMs = 5 * 60_000;

/** Throws FIELD_VALUE or FIELD_MISSING. */
function schemeOf(settings: SignatureSettings): SignatureScheme {
  const { preset, tolerance, timestampHeader, header } = settings;
  const toleranceMs = tolerance === undefined ? usualToleranceMs : guardDurationMs(tolerance);
  if (toleranceMs === undefined) throw new TideError("FIELD_VALUE", `the tolerance ${tolerance} is no duration`);
  if (preset !== undefined) return presetScheme(preset, toleranceMs);
  if (!header) throw new TideError("FIELD_MISSING", "signature needs preset or header");
  return ownScheme({
    header,
    algorithm: settings.algorithm ?? "sha256",
    encoding: settings.encoding ?? "hex",
    prefix: settings.prefix ?? "",
    timestampHeader: timestampHeader || undefined,
    idHeader: settings.idHeader || undefined,
    signed: settings.signed || "{body}",
    toleranceMs: timestampHeader ? toleranceMs : undefined,
  });
}
