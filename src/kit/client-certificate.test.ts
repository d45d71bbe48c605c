import { expect, test } from "vitest";
import { hasName, isCertificateName } from "./client-certificate.ts";

const certificate = {
  commonName: "partner",
  subjectAltName:
    'DNS:a.example, URI:spiffe://b/c, IP Address:2001:DB8:0:0:0:0:0:1, email:x@y.example, URI:"http://q/, DNS:evil.example"',
};

test.each(["CN:partner", "DNS:a.example", "URI:spiffe://b/c", "IP:2001:db8::1", "email:x@y.example"])(
  "%s is in it",
  (name) => {
    expect(hasName(certificate, ["CN:somebody", name])).toBe(true);
    expect(isCertificateName(name)).toBe(true);
  },
);

test.each([
  "CN:Partner",
  "CN:a.example",
  "DNS:partner",
  "DNS:evil.example",
  "DNS:*.example",
  "DNS:example",
  "URI:b/c",
  "IP:::1",
  "a.example",
  "DNS:",
])("%s is not", (name) => {
  expect(hasName(certificate, [name])).toBe(false);
});

test("nothing is in a certificate without names, or with some that cannot be told apart", () => {
  expect(hasName({ commonName: undefined, subjectAltName: undefined }, ["CN:undefined", "CN:a", "DNS:a"])).toBe(false);
  expect(hasName({ commonName: undefined, subjectAltName: 'DNS:b", DNS:a' }, ["DNS:a"])).toBe(false);
  expect(["CN:", "cn:a", "IP:a", "DNS", "X:a"].map(isCertificateName)).toEqual(Array(5).fill(false));
});
