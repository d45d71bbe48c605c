import type { z } from "zod";
import type { artifactLocation } from "../../kit/schemas.ts";
import type { ConnectContext } from "../../kit/trigger.ts";
import { TideError } from "../../lib/errors.ts";
import type { Answer } from "../http/exchange.ts";
import { retryAfterMs } from "../http/headers.ts";
import { type Agents, codeOfStatus, exchangeWhole, shownAnswer } from "./http-exchange.ts";
import { textOf } from "./limits.ts";

export type UrlArtifact = NonNullable<z.infer<ReturnType<typeof artifactLocation>>["url"]>;

const timeoutMs = 60_000;

/**
 * `url` (reference 5; T11 is mended): a GET that must answer 200. The server's certificate is verified unless the manifest
 * says `verifyCert: false`, and a text that is too long is an error instead of half an object.
 */
export async function readUrl(url: UrlArtifact, cx: ConnectContext<unknown>, agents: Agents): Promise<string> {
  const path = url.path ?? "";
  const where = shownUrl(path);
  const verify = url.verifyCert !== false;
  const answer = await exchangeWhole({ url: path, where }, { agents, verify, timeoutMs, signal: cx.signal });
  if (answer.status !== 200) throw refusal(answer, where, cx.clock.nowMs());
  const encoding = answer.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "" && encoding !== "identity") {
    throw new TideError("ARTIFACT_INVALID", `${where}: it came compressed (${encoding}), which nobody asked for`);
  }
  return textOf(answer.body, where);
}

/** Without user and query, where secrets are. */
export function shownUrl(url: string): string {
  return `url ${url
    .replace(/\/\/[^/?#]*@/, "//")
    .replace(/\?.*$/s, "?…")
    .slice(0, 300)}`;
}

function refusal(answer: Answer, where: string, nowMs: number): TideError {
  const asked = answer.headers["retry-after"];
  const pauseMs = asked === undefined ? undefined : retryAfterMs(asked, nowMs);
  return new TideError(
    codeOfStatus(answer.status),
    `${where} answered ${shownAnswer(answer)}`,
    pauseMs === undefined ? {} : { retry: { afterMs: pauseMs } },
  );
}
