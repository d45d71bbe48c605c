import { createHash, createPrivateKey, type KeyObject, sign } from "node:crypto";
import type { z } from "zod";
import type { githubApp } from "../../kit/schemas.ts";
import type { ConnectContext } from "../../kit/trigger.ts";
import { messageOf, TideError } from "../../lib/errors.ts";
import type { GitUrl } from "./git-url.ts";
import { type Agents, codeOfStatus, exchangeWhole, shownAnswer } from "./http-exchange.ts";

type GithubApp = z.infer<ReturnType<typeof githubApp>>;

interface Held {
  readonly token: string;
  readonly untilMs: number;
}

/** A token lives an hour; the rest of its life must do for a fetch. */
const spareMs = 10 * 60_000;
const timeoutMs = 30_000;
/** Names of apps can come from parameters. */
const maxHeld = 100;

/** The access tokens of GitHub App installations, each kept until shortly before its end. */
export class InstallationTokens {
  readonly #agents: Agents;
  readonly #held = new Map<string, Held>();

  constructor(agents: Agents) {
    this.#agents = agents;
  }

  /**
   * A token for the repositories of `url`, from the API of its host: api.github.com, or `/api/v3` of a GitHub Enterprise
   * Server. Rejects with SECRET_MISSING, or an error of the ARTIFACT family.
   */
  async token(app: GithubApp, url: GitUrl, cx: ConnectContext<unknown>): Promise<string> {
    const { privateKey, appID, installationID } = app;
    if (privateKey === undefined || appID === undefined || installationID === undefined) {
      throw refused("githubApp needs privateKey, appID and installationID", "never");
    }
    const pem = await cx.secret(privateKey);
    const api = /^(www\.)?github\.com$/.test(url.hostname) ? "https://api.github.com" : `${url.origin}/api/v3`;
    const name = JSON.stringify([api, appID, installationID, createHash("sha256").update(pem).digest("hex")]);
    const nowMs = cx.clock.nowMs();
    const held = this.#held.get(name);
    if (held !== undefined && held.untilMs - spareMs > nowMs) return held.token;
    const fresh = await this.#ask(
      { url: `${api}/app/installations/${installationID}/access_tokens`, jwt: appToken(pem, appID, nowMs) },
      cx,
    );
    if (this.#held.size >= maxHeld) this.#held.clear();
    this.#held.set(name, fresh);
    return fresh.token;
  }

  async #ask(call: { readonly url: string; readonly jwt: string }, cx: ConnectContext<unknown>): Promise<Held> {
    const { url, jwt } = call;
    const where = `GitHub App token from ${url}`;
    const headers = ["Authorization", `Bearer ${jwt}`, "Accept", "application/vnd.github+json"];
    const answer = await exchangeWhole(
      { url, method: "POST", headers, where },
      { agents: this.#agents, verify: true, timeoutMs, signal: cx.signal },
    );
    if (answer.status !== 201) {
      throw new TideError(codeOfStatus(answer.status), `${where}: it answered ${shownAnswer(answer)}`);
    }
    return heldOf(answer.body, where);
  }
}

function heldOf(body: Buffer, where: string): Held {
  try {
    const said: unknown = JSON.parse(body.toString());
    if (typeof said === "object" && said !== null && "token" in said && "expires_at" in said) {
      const untilMs = Date.parse(String(said.expires_at));
      if (typeof said.token === "string" && !Number.isNaN(untilMs)) return { token: said.token, untilMs };
    }
  } catch {
    // said below
  }
  throw refused(`${where}: what it answered is no token`, "backoff");
}

/** What proves the app itself: a JSON Web Token of 9 minutes; a minute back, for clocks that differ. */
function appToken(pem: string, appID: number, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000);
  const parts = [
    { alg: "RS256", typ: "JWT" },
    { iat: seconds - 60, exp: seconds + 540, iss: String(appID) },
  ].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
  const signature = sign("RSA-SHA256", Buffer.from(parts.join(".")), keyOf(pem)).toString("base64url");
  return [...parts, signature].join(".");
}

function keyOf(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw refused(`githubApp.privateKey is no private key: ${messageOf(cause)}`, "backoff", cause);
  }
}

function refused(message: string, retry: "never" | "backoff", cause?: unknown): TideError {
  return new TideError("ARTIFACT_REFUSED", message, { retry, cause });
}
