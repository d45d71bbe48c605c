import { expect, it } from "vitest";
import { artifactConfig, artifactRules } from "../artifact.ts";

const found = (source: object) =>
  [...artifactRules(artifactConfig.parse(source), ["source"])].map(
    ({ severity, code, path }) => `${severity} ${code} ${path.join(".")}`,
  );

const ref = { name: "s", key: "k" };
const s3 = { endpoint: "minio:9000", bucket: { name: "b", key: "k" } };
const git = { url: "https://host/x.git", filePath: "a.yaml" };
const ssh = { ...git, url: "git@host:x.git" };
const app = { privateKey: ref, appID: 1, installationID: 2 };

it.each([
  { url: { path: "https://x/y" } },
  { url: { path: "http://x/y", verifyCert: true } },
  { s3 },
  { s3: { ...s3, insecure: true, accessKey: ref, secretKey: ref } },
  { s3: { ...s3, endpoint: "http://minio:9000/", caCertificate: ref } },
  { s3: { bucket: s3.bucket } },
  { git },
  { git: { ...git, branch: "b", creds: { username: ref, password: ref }, cloneDirectory: "/git/x" } },
  { git: { ...git, githubApp: app } },
  { git: { ...ssh, sshKeySecret: ref, tag: "v1" } },
  { git: { filePath: "a", remote: { name: "r", urls: ["file:///x"] } } },
])("nothing is found in %j", (source) => {
  expect(found(source)).toEqual([]);
});

it.each([
  [{}, ["error FIELD_MISSING source"]],
  [{ file: {} }, ["error FIELD_MISSING source.file"]],
  [{ inline: "a: 1", resource: {} }, ["warning FIELD_CONFLICT source.resource"]],
  [{ url: {} }, ["error FIELD_MISSING source.url.path"]],
  [{ url: { path: "x/y" } }, ["warning FIELD_VALUE source.url.path"]],
  [{ url: { path: "https://x", verifyCert: false } }, ["warning ARTIFACT_UNVERIFIED source.url.verifyCert"]],
  [{ s3: {} }, ["error FIELD_MISSING source.s3.bucket.name", "error FIELD_MISSING source.s3.bucket.key"]],
  [{ s3: { ...s3, bucket: { name: "b" } } }, ["error FIELD_MISSING source.s3.bucket.key"]],
  [{ s3: { ...s3, accessKey: ref } }, ["error FIELD_CONFLICT source.s3.accessKey"]],
  [{ s3: { ...s3, endpoint: "minio:9000/bucket" } }, ["warning FIELD_VALUE source.s3.endpoint"]],
  [{ s3: { ...s3, insecure: true, caCertificate: ref } }, ["warning FIELD_CONFLICT source.s3.caCertificate"]],
  [{ git: {} }, ["error FIELD_MISSING source.git.url", "error FIELD_MISSING source.git.filePath"]],
  [{ git: { ...git, url: "/srv/x.git" } }, ["warning FIELD_VALUE source.git.url"]],
  [{ git: { ...git, branch: "a:b" } }, ["warning FIELD_VALUE source.git.branch"]],
  [{ git: { ...git, filePath: "a/../b" } }, ["error FIELD_VALUE source.git.filePath"]],
  [{ git: { ...git, cloneDirectory: "~/x" } }, ["warning FIELD_VALUE source.git.cloneDirectory"]],
  [{ git: { ...git, tag: "t", branch: "b" } }, ["warning FIELD_CONFLICT source.git.branch"]],
  [
    { git: { ...git, creds: {} } },
    ["error FIELD_MISSING source.git.creds.username", "error FIELD_MISSING source.git.creds.password"],
  ],
  [
    { git: { ...git, githubApp: { appID: 1 } } },
    ["error FIELD_MISSING source.git.githubApp.privateKey", "error FIELD_MISSING source.git.githubApp.installationID"],
  ],
  [
    { git: { ...git, creds: { username: ref, password: ref }, githubApp: app } },
    ["warning FIELD_CONFLICT source.git.githubApp"],
  ],
  [{ git: { ...git, sshKeySecret: ref } }, ["warning FIELD_CONFLICT source.git.sshKeySecret"]],
  [{ git: { ...ssh, creds: { username: ref, password: ref } } }, ["warning FIELD_CONFLICT source.git.creds"]],
  [{ git: { ...ssh, insecureIgnoreHostKey: true } }, ["warning ARTIFACT_UNVERIFIED source.git.insecureIgnoreHostKey"]],
  [
    { git: { ...git, url: "http://host/x", creds: { username: ref, password: ref } } },
    ["warning ARTIFACT_UNVERIFIED source.git.url"],
  ],
])("in %j", (source, findings) => {
  expect(found(source)).toEqual(findings);
});

it("a finding says what to do", () => {
  for (const source of [{ url: {} }, { s3: {} }, { git: {} }, { git: { ...git, sshKeySecret: ref } }]) {
    for (const { fix } of artifactRules(artifactConfig.parse(source), [])) expect(fix).toMatch(/\.$/);
  }
});
