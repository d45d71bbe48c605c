import tls from "node:tls";
import { Agent } from "undici";
import { poolFactory } from "../../kit/proxy-dispatcher.ts";
import { systemCertificates, type TlsOptions } from "../http/client.ts";
import { GitCache } from "./git-cache.ts";
import { InstallationTokens } from "./github-app.ts";
import type { Agents } from "./http-exchange.ts";

const connectTimeoutMs = 30_000;

/** What reading artifacts keeps between firings: connections, tokens, and what was fetched by git. */
export class ArtifactConnections implements Agents, AsyncDisposable {
  #verified: Agent | undefined;
  #unverified: Agent | undefined;
  readonly tokens = new InstallationTokens(this);
  readonly git = new GitCache();

  agent({ verify }: { readonly verify: boolean }): Agent {
    if (!verify) {
      this.#unverified ??= agentWith({ rejectUnauthorized: false });
      return this.#unverified;
    }
    // one context for all connections: it takes 10 to 40 ms to make
    this.#verified ??= agentWith({ secureContext: tls.createSecureContext({ ca: systemCertificates() }) });
    return this.#verified;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#verified?.destroy(), this.#unverified?.destroy(), this.git[Symbol.asyncDispose]()]);
  }
}

function agentWith(secure: TlsOptions): Agent {
  const connect = { ...secure, allowH2: false, timeout: connectTimeoutMs };
  return new Agent({ connect, allowH2: false, factory: poolFactory(process.env) });
}
