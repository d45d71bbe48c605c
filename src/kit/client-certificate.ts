import { X509Certificate } from "node:crypto";
import { TideError } from "../lib/errors.ts";
import { readAddress } from "./allow-list.ts";

/** What the certificate of a client says of it, once it is known to be of a CA that is trusted. */
export interface ClientCertificate {
  /** undefined: there is none, or more than one. */
  readonly commonName: string | undefined;
  /** As OpenSSL prints them, in one text: `DNS:a.example, URI:spiffe://b/c`. */
  readonly subjectAltName: string | undefined;
}

/**
 * The CA certificates of a PEM text, checked: TLS itself would take a text without any, and then know nobody.
 * Throws SECRET_UNFIT.
 */
export function readAuthorities(pem: string): string {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const begun = pem.match(/-----BEGIN [A-Z ]*CERTIFICATE-----/g) ?? [];
  try {
    for (const block of blocks) new X509Certificate(block);
  } catch (cause) {
    throw new TideError("SECRET_UNFIT", "clientCertificate.caSecret holds what is no certificate", { cause });
  }
  if (blocks.length > 0 && blocks.length === begun.length) return blocks.join("\n");
  throw new TideError("SECRET_UNFIT", "clientCertificate.caSecret holds no certificates in PEM, or a part of one");
}

const form = /^(CN|DNS|URI|email|IP):(.+)$/s;

/** Whether a manifest may name somebody so. */
export function isCertificateName(name: string): boolean {
  const [, kind, value] = form.exec(name) ?? [];
  return value !== undefined && (kind !== "IP" || readAddress(value) !== undefined);
}

/** Whether the certificate has one of these names (`CN:partner`, `DNS:a.example`), to the letter: no wildcards. */
export function hasName(certificate: ClientCertificate, names: readonly string[]): boolean {
  const { commonName, subjectAltName = "" } = certificate;
  const alternatives = namesOf(subjectAltName);
  return names.some((name) => {
    const [, kind, value = ""] = form.exec(name) ?? [];
    if (kind === "CN") return value === commonName;
    if (kind === "IP") {
      const wanted = readAddress(value)?.text;
      const isSame = (one: string): boolean =>
        one.startsWith("IP Address:") && readAddress(one.slice("IP Address:".length))?.text === wanted;
      return wanted !== undefined && alternatives.some(isSame);
    }
    return alternatives.includes(name);
  });
}

/**
 * One by one. A value with a comma, a quote or a control character in it stands there as a JSON text, so that it cannot pass
 * for several: it is left as it is, and no name of a manifest is like it.
 */
function namesOf(text: string): readonly string[] {
  if (!/^(?:"(?:[^"\\]|\\.)*"|[^"])*$/.test(text)) return [];
  return [...text.matchAll(/(?:"(?:[^"\\]|\\.)*"|[^",])+/g)].map(([name]) => name.trim());
}
