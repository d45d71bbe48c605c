import { type CodeName, codeOf, messageOf, TideError } from "../../lib/errors.ts";
import type { Target } from "./target.ts";

/** Codes of Node and undici that mean: no connection, nothing sent. */
const unreachable: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EAI_FAIL",
  "EAI_NODATA",
  "EAI_NONAME",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENETDOWN",
  "EADDRNOTAVAIL",
  "UND_ERR_CONNECT_TIMEOUT",
  "EPROXY",
]);

/** What OpenSSL says of a certificate; its other errors begin with ERR_SSL_ or ERR_TLS_. */
const certificate: ReadonlySet<string> = new Set([
  "EPROTO",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "HOSTNAME_MISMATCH",
  "INVALID_CA",
  "INVALID_PURPOSE",
]);

/** What undici threw, in our codes. */
export function faultOf(error: unknown, method: string, target: Target): TideError {
  const code = codeOf(error) ?? "";
  return new TideError(codeNameOf(code, error), `${method} ${target.shown}: ${messageOf(error)}`, { cause: error });
}

function codeNameOf(code: string, error: unknown): CodeName {
  const connection = connectionFault(code, error);
  if (connection !== undefined) return connection;
  if (code === "UND_ERR_SOCKET" && /bad (response|upgrade)/.test(messageOf(error))) return "TARGET_PROTOCOL";
  if (error instanceof Error && error.name === "HTTPParserError") return "TARGET_PROTOCOL";
  if (code.startsWith("HPE_") || code === "UND_ERR_HEADERS_OVERFLOW") return "TARGET_PROTOCOL";
  if (code === "UND_ERR_INVALID_ARG" || code === "UND_ERR_NOT_SUPPORTED") return "REQUEST_INVALID";
  return "TARGET_RESET";
}

/** What Node's code of an error means where it tells of the connection; undefined where it is about something else. */
export function connectionFault(code: string, error: unknown): CodeName | undefined {
  if (unreachable.has(code)) return "TARGET_UNREACHABLE";
  if (certificate.has(code) || /^(ERR_TLS_|ERR_SSL_|CERT_|ERR_OSSL_)/.test(code)) return "TARGET_TLS";
  if (code === "ECONNRESET" && /before secure TLS connection/.test(messageOf(error))) return "TARGET_TLS";
  if (code === "ETIMEDOUT") return isConnect(error) ? "TARGET_UNREACHABLE" : "TARGET_TIMEOUT";
  return code === "ECONNRESET" || code === "EPIPE" ? "TARGET_RESET" : undefined;
}

function isConnect(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && error.syscall === "connect";
}
