import tls from "node:tls";
import type { Agent } from "undici";
import { type Egress, isPublicAddress } from "../../kit/egress.ts";
import { placeOfUrl, splitPlace } from "../../kit/egress-place.ts";
import { poolFactory } from "../../kit/proxy-dispatcher.ts";
import { undici } from "../../lib/undici.ts";
import { systemCertificates, type TlsOptions } from "../http/client.ts";
import type { Target } from "../http/target.ts";
import { GitCache } from "./git-cache.ts";
import { InstallationTokens } from "./github-app.ts";
import type { Agents } from "./http-exchange.ts";

const connectTimeoutMs = 30_000;

/** What reading artifacts keeps between firings: connections, tokens, and what was fetched by git. */
export class ArtifactConnections implements Agents, AsyncDisposable {
  readonly #agents = new Map<string, Agent>();
  #context: tls.SecureContext | undefined;
  readonly tokens = new InstallationTokens(this);
  readonly git: GitCache;
  readonly #egress: Egress;

  /** All that is kept here was opened by this leave, and is used by no other. */
  constructor(egress: Egress) {
    this.#egress = egress;
    this.git = new GitCache(egress);
  }

  agent({ verify, led = false }: { readonly verify: boolean; readonly led?: boolean }): Agent {
    const name = `${verify} ${led}`;
    const kept = this.#agents.get(name);
    if (kept !== undefined) return kept;
    const made = agentWith(this.#secure(verify), led ? this.#egress.led : this.#egress);
    this.#agents.set(name, made);
    return made;
  }

  #secure(verify: boolean): TlsOptions {
    if (!verify) return { rejectUnauthorized: false };
    // one context for all connections: it takes 10 to 40 ms to make
    this.#context ??= tls.createSecureContext({ ca: systemCertificates() });
    return { secureContext: this.#context };
  }

  async isPublic({ origin }: Target): Promise<boolean> {
    const { host, port } = splitPlace(placeOfUrl(origin)) ?? { host: "", port: 0 };
    const found = await this.#egress.resolve(host, port).catch(() => []);
    return found.some(({ address }) => isPublicAddress(address));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const agents = Array.from(this.#agents.values(), (agent) => agent.destroy());
    await Promise.all([...agents, this.git[Symbol.asyncDispose]()]);
  }
}

function agentWith(secure: TlsOptions, egress: Egress): Agent {
  const connect = { ...secure, allowH2: false, timeout: connectTimeoutMs };
  return new (undici().Agent)({ connect, allowH2: false, factory: poolFactory({ env: process.env, egress }) });
}
