import { isIP } from "node:net";
import type { Egress } from "../../kit/egress.ts";
import { placeOfUrl, splitPlace } from "../../kit/egress-place.ts";
import { type Env, proxyFor } from "../../kit/proxy.ts";
import { openGitRelay } from "./git-relay.ts";
import type { GitUrl } from "./git-url.ts";

/** How one fetch of git reaches its repository by the guard's leave. */
export interface GitWay extends AsyncDisposable {
  /** What git is given in place of the repository's URL. */
  readonly url: string;
  readonly config: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** Options of ssh. */
  readonly ssh: readonly string[];
  /** Why git could not connect, where it is not told itself: EGRESS_REFUSED, or what the connection failed of. */
  fault(): Error | undefined;
}

const plain = { config: {}, env: {}, ssh: [], fault: () => undefined, [Symbol.asyncDispose]: async () => undefined };

/**
 * http and https go through a relay on the loopback, ssh and git to the address that was looked up here: git's own look-up
 * could find another one. Rejects with EGRESS_REFUSED, or as DNS does.
 */
export async function openGitWay(url: GitUrl, egress: Egress, env: Env = process.env): Promise<GitWay> {
  if (url.scheme === "file") return { ...plain, url: url.url };
  if (url.scheme === "http" || url.scheme === "https") return overHttp(url, egress, env);
  const { host, port } = splitPlace(sshPlace(url)) ?? { host: url.hostname, port: 22 };
  const name = host.replace(/^\[(.*)\]$/, "$1");
  const [first] = await egress.resolve(name, port);
  if (first === undefined || isIP(name) !== 0) return { ...plain, url: url.url };
  const address = first.family === 6 ? `[${first.address}]` : first.address;
  if (url.scheme === "git") {
    const at = url.url.replace(/^(git:\/\/(?:[^/?#]*@)?)[^/?#]*/, `$1${address}:${port}`);
    // the server may tell repositories apart by the name that it was asked by
    return { ...plain, url: at, env: { GIT_OVERRIDE_VIRTUAL_HOST: port === 9418 ? name : `${name}:${port}` } };
  }
  // host keys are those of the name
  const alias = port === 22 ? name : `[${name}]:${port}`;
  return { ...plain, url: url.url, ssh: [`HostName=${first.address}`, `HostKeyAlias=${alias}`] };
}

/** `user@host:path` has no port of its own. */
function sshPlace({ url, hostname }: GitUrl): string {
  return url.includes("://") ? placeOfUrl(url) : `${hostname}:22`;
}

async function overHttp(url: GitUrl, egress: Egress, env: Env): Promise<GitWay> {
  const all = env.ALL_PROXY || env.all_proxy;
  if (all && proxyFor(new URL(url.origin), env) === undefined) {
    // such as SOCKS, which only git speaks here: the name is judged, and what it redirects to is not asked
    const { host, port } = splitPlace(placeOfUrl(url.origin)) ?? { host: url.hostname, port: 443 };
    await egress.admitByProxy(host, port);
    return { ...plain, url: url.url, config: { "http.followRedirects": "false" } };
  }
  const relay = await openGitRelay({ env, egress }, placeOfUrl(url.origin));
  return {
    ...plain,
    url: url.url,
    config: { "http.proxy": relay.url, "http.proxyAuthMethod": "basic" },
    // the relay heeds it in git's place
    env: { NO_PROXY: "", no_proxy: "" },
    fault: () => relay.fault(),
    [Symbol.asyncDispose]: () => relay[Symbol.asyncDispose](),
  };
}
