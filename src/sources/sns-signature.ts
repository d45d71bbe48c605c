import { verify, X509Certificate } from "node:crypto";
import type { Dispatcher } from "undici";
import type { Egress } from "../kit/egress.ts";
import { poolTo } from "../kit/proxy-dispatcher.ts";
import type { SourceContext } from "../kit/source.ts";
import { isTide, messageOf, TideError } from "../lib/errors.ts";
import { undici } from "../lib/undici.ts";
import { type SnsMessage, signedText } from "./sns-message.ts";

/** Checks that a message comes from SNS; rejects with SIGNATURE_INVALID, or UPSTREAM_FAILED when it could not be checked. */
export type Verifier = (message: SnsMessage) => Promise<void>;

const awsHost = /^sns\.[a-z0-9-]{3,}\.amazonaws\.com(\.cn)?$/;
const maxCertificates = 16;
const maxBytes = 64 * 1024;

/**
 * Verifies SNS's signatures 1 (RSA, SHA-1) and 2 (RSA, SHA-256). The certificate comes from AWS's own SNS hosts over
 * https, or from exactly the host and port of `endpoint`: nobody else can name one. It is fetched once per URL and
 * kept until it expires. The peer's check could never succeed (reference S21).
 */
export function makeVerifier(
  endpoint: string | undefined,
  { clock, egress }: Pick<SourceContext<unknown>, "clock" | "egress">,
): Verifier {
  const kept = new Map<string, Promise<X509Certificate>>();
  const certificateOf = (url: URL): Promise<X509Certificate> => {
    const known = kept.get(url.href);
    if (known !== undefined) return known;
    if (kept.size >= maxCertificates) kept.clear();
    const fetched = fetchCertificate(url, egress);
    kept.set(url.href, fetched);
    fetched.catch(() => kept.delete(url.href));
    return fetched;
  };
  return async (message) => {
    const text = signedText(message);
    if (text === undefined) throw invalid(`messages of type "${message.Type}" are not signed`);
    const algorithm = algorithmOf(message.fields.get("SignatureVersion"));
    const url = certificateUrl(message.fields.get("SigningCertURL") ?? message.fields.get("SigningCertUrl"), endpoint);
    const certificate = await certificateOf(url);
    const nowMs = clock.nowMs();
    if (nowMs < Date.parse(certificate.validFrom) || nowMs > Date.parse(certificate.validTo)) {
      kept.delete(url.href);
      throw invalid(`the certificate is valid from ${certificate.validFrom} to ${certificate.validTo}`);
    }
    const signature = Buffer.from(message.fields.get("Signature") ?? "", "base64");
    if (!verify(algorithm, Buffer.from(text, "utf8"), certificate.publicKey, signature)) {
      throw invalid("the signature is not of this message");
    }
  };
}

function invalid(why: string): TideError {
  return new TideError("SIGNATURE_INVALID", why);
}

function algorithmOf(version: string | undefined): string {
  if (version === "1") return "RSA-SHA1";
  if (version === "2") return "RSA-SHA256";
  throw invalid(`SignatureVersion ${version ?? "is missing"}`);
}

/** The URL, if its host may hold SNS's certificates. */
function certificateUrl(text: string | undefined, endpoint: string | undefined): URL {
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw invalid("SigningCertURL is no URL");
  if (url.username !== "" || url.password !== "") throw invalid("SigningCertURL has a user in it");
  if (url.protocol === "https:" && url.port === "" && awsHost.test(url.hostname)) return url;
  const own = endpoint !== undefined && URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (own !== undefined && url.host === own.host && url.protocol === own.protocol) return url;
  throw invalid(
    `SigningCertURL names ${url.protocol}//${url.host}, which is neither AWS nor the endpoint of this entry`,
  );
}

/** No redirects, at most 64 KB, at most 5 s. */
async function fetchCertificate(url: URL, egress: Egress): Promise<X509Certificate> {
  let dispatcher: Dispatcher | undefined;
  try {
    dispatcher = poolTo(url.origin, { allowH2: false }, { env: process.env, egress });
    const { statusCode, body } = await undici().request(url, { dispatcher, headersTimeout: 5_000, bodyTimeout: 5_000 });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of body) {
      if (!(chunk instanceof Buffer)) continue;
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxBytes) throw new Error(`more than ${maxBytes} bytes`);
    }
    if (statusCode !== 200) throw new Error(`status ${statusCode}`);
    return new X509Certificate(Buffer.concat(chunks));
  } catch (error) {
    if (isTide(error, "EGRESS_REFUSED")) throw error;
    throw new TideError("UPSTREAM_FAILED", `fetching the certificate ${url.href}: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    await dispatcher?.destroy();
  }
}
