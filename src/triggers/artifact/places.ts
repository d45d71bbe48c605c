import { placeOf, placeOfUrl, splitPlace } from "../../kit/egress-place.ts";
import type { ArtifactConfig } from "../artifact.ts";

/** What an artifact names to connect to, as `Trigger.reaches` gives it; AWS's own S3 is named by no manifest. */
export function artifactPlaces(source: ArtifactConfig | undefined): readonly string[] {
  const { url, git, s3 } = source ?? {};
  const repository = git?.remote?.urls?.[0] || git?.url;
  return [
    ...(url?.path ? [placeOfUrl(url.path)] : []),
    ...(repository ? gitPlace(repository) : []),
    ...(s3?.endpoint ? [s3Place(s3.endpoint, s3.insecure === true)] : []),
  ];
}

/** `user@host:path` is ssh; a file is reached without a connection. */
function gitPlace(url: string): readonly string[] {
  if (url.includes("://")) return url.startsWith("file:") ? [] : [placeOfUrl(url)];
  const host = /^(?:[^@/:]*@)?(\[[^\]]*\]|[^:/]*):/.exec(url)?.[1];
  return host === undefined ? [url] : [`${host}:22`];
}

function s3Place(endpoint: string, insecure: boolean): string {
  if (endpoint.includes("://")) return placeOfUrl(endpoint);
  return splitPlace(endpoint) === undefined ? placeOf(endpoint, insecure ? 80 : 443) : endpoint;
}
