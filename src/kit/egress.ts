import { type LookupAddress, type LookupOptions, lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import {
  type AddressBytes,
  type AddressClass,
  addressText,
  classifyAddress,
  parseAddress,
} from "../lib/egress-address.ts";
import { type AllowRule, hostName, isAllowed, type Place } from "../lib/egress-rules.ts";
import { isTide, messageOf, TideError } from "../lib/errors.ts";

/** What the operator lets the whole process connect to (docs/specs/egress.md). */
export interface EgressPolicy {
  /** `local`: this machine and private networks too. `public`: only the internet, and what `allow` lists. */
  readonly mode: "local" | "public";
  /** Addresses of private networks that may be connected to all the same. */
  readonly allow: readonly AllowRule[];
  /** How names are resolved; as the system does unless given. */
  readonly resolveAll?: ResolveAll;
}

export const localPolicy: EgressPolicy = { mode: "local", allow: [] };

/** What one sensor adds: it narrows what the operator allows, and never widens it. */
export interface EgressOwner {
  /** `spec.egress.allow`: nothing else may be connected to. Absent: what the operator allows. */
  readonly allow?: readonly AllowRule[] | undefined;
  /** Who chose the host in the manifest's place: private networks then only where a rule names them. */
  readonly steered?: "event" | "redirect" | undefined;
}

/**
 * The guard of outgoing connections. It is asked once for each new connection; one that is kept alive costs nothing.
 * Whoever opens a connection takes `admit` for it, or, where a library opens it by itself, `resolve` and the address it gives.
 */
export interface Egress {
  /** Connections under different keys are not shared: what one may use the other may not. */
  readonly key: string;
  /** The guard of what a public target redirects to: as where an event chose the host. */
  readonly led: Egress;
  /**
   * Looks at what needs no DNS, and answers with the look-up to connect with: it passes on no address that may not be
   * connected to. Literal addresses never reach a look-up, and are judged here. Throws EGRESS_REFUSED.
   */
  admit(host: string, port: number): { readonly lookup: LookupFunction };
  /** The addresses that may be connected to, looked up now. Rejects with EGRESS_REFUSED, or as DNS does. */
  resolve(host: string, port: number): Promise<readonly LookupAddress[]>;
  /**
   * Before a proxy is asked for the way: the name, and, where it resolves from here within two seconds, all its addresses.
   * What the proxy itself makes of the name cannot be known. Rejects with EGRESS_REFUSED.
   */
  admitByProxy(host: string, port: number): Promise<void>;
}

/** As `dns.lookup` with `all`. */
export type ResolveAll = (
  host: string,
  options: LookupOptions & { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** Names that stand for a metadata service wherever they resolve at all. */
const metadataNames: ReadonlySet<string> = new Set([
  "metadata.google.internal",
  "metadata.goog",
  "metadata",
  "instance-data",
  "instance-data.ec2.internal",
  "metadata.tencentyun.com",
  "metadata.platformequinix.com",
]);

const proxyLookupMs = 2_000;

/** The guard of one sensor, of one source, or of whatever shares a policy. */
export function createEgress(
  policy: EgressPolicy,
  owner: EgressOwner = {},
  resolveAll: ResolveAll = policy.resolveAll ?? systemLookup,
): Egress {
  const judge = judgeOf(policy, owner);
  const lookUp = (host: string, options: LookupOptions): Promise<LookupAddress[]> =>
    new Promise((resolve, reject) => {
      resolveAll(host, { ...options, all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
    });
  return {
    key: keyOf(owner),
    get led() {
      return owner.steered === undefined ? createEgress(policy, { ...owner, steered: "redirect" }, resolveAll) : this;
    },
    admit(given, port) {
      const host = judge.host(given, port);
      return {
        lookup: (name, options, callback) => {
          lookUp(name, options)
            .then((found) => judge.answer({ host, port }, found))
            .then(
              (fit) => {
                const [first] = fit;
                if (options.all === true || first === undefined) callback(null, [...fit]);
                else callback(null, first.address, first.family);
              },
              (error: NodeJS.ErrnoException) => callback(error, []),
            );
        },
      };
    },
    async resolve(given, port) {
      const host = judge.host(given, port);
      return judge.answer({ host, port }, await lookUp(host, {}));
    },
    async admitByProxy(given, port) {
      const host = judge.host(given, port);
      if (parseAddress(host) !== undefined) return;
      const patience = new AbortController();
      const found = await Promise.race([lookUp(host, {}).catch(() => undefined), later(patience.signal)]);
      patience.abort();
      // the proxy may take any of them, or find others
      if (found === undefined) judge.unknown({ host, port });
      for (const { address } of found ?? []) judge.address({ host, port }, address);
    },
  };
}

/** For what only the operator names: the collector, the log store, the cluster, the record. Nothing is looked at. */
export const unguarded: Egress = {
  key: "",
  get led() {
    return this;
  },
  admit: () => ({ lookup: systemLookup }),
  resolve: (host) =>
    new Promise((resolve, reject) => {
      systemLookup(host, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
    }),
  admitByProxy: () => Promise.resolve(),
};

/** Whether an address is one of the internet. */
export function isPublicAddress(address: string | undefined): boolean {
  const bytes = parseAddress(address ?? "");
  return bytes !== undefined && classifyAddress(bytes).kind === "public";
}

/** The refusal that an error is, or that some library wrapped; undefined: it is about something else. */
export function refusalIn(error: unknown): TideError | undefined {
  for (let e: unknown = error, depth = 0; e instanceof Error && depth < 5; depth++) {
    if (isTide(e, "EGRESS_REFUSED")) return e;
    // a driver may copy what it passes on
    if ("code" in e && e.code === "EGRESS_REFUSED") return new TideError("EGRESS_REFUSED", messageOf(e), { cause: e });
    e = e instanceof AggregateError && e.errors.length > 0 ? e.errors[0] : e.cause;
  }
  return undefined;
}

/**
 * Why a host as it is written could not be connected to, without any DNS: for findings. undefined: nothing is known against
 * it.
 */
export function refusedAsWritten(
  policy: EgressPolicy,
  owner: EgressOwner,
  place: { readonly host: string; readonly port: number },
): string | undefined {
  const judge = judgeOf(policy, owner);
  try {
    const host = judge.host(place.host, place.port);
    if (owner.allow?.every(({ range }) => range === undefined) === true) judge.unknown({ host, port: place.port });
    return undefined;
  } catch (error) {
    if (isTide(error, "EGRESS_REFUSED")) return error.message;
    throw error;
  }
}

function later(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, proxyLookupMs, undefined);
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  });
}

function keyOf({ allow, steered }: EgressOwner): string {
  if (allow === undefined && steered === undefined) return "";
  return JSON.stringify([allow?.map(({ text }) => text) ?? null, steered ?? null]);
}

/** A place whose name is checked, before and after its address is known. */
type Named = Pick<Place, "host" | "port">;

const chosen = { event: "an event chose it", redirect: "a redirect from a public address leads there" } as const;

interface Judge {
  /** The name or the literal address; answers it as it is compared. */
  host(given: string, port: number): string;
  /** One address of the name. */
  address(named: Named, address: string): void;
  /** No address is known. */
  unknown(named: Named): void;
  /** Those of all addresses of a name that may be connected to: at least one. */
  answer(named: Named, found: readonly LookupAddress[]): readonly LookupAddress[];
}

function judgeOf({ mode, allow }: EgressPolicy, { allow: own, steered }: EgressOwner): Judge {
  const check = (named: Named, bytes: AddressBytes): void => {
    const place: Place = { ...named, address: bytes };
    const found = classifyAddress(bytes);
    const where = { ...named, address: addressText(bytes) };
    if (found.kind === "never") throw refused(where, `${found.rule} is never connected to`);
    if (own !== undefined && !isAllowed(own, place)) throw notListed(where);
    if (found.kind === "public") return;
    if (mode === "public" && !isAllowed(allow, place)) {
      throw refused(where, `${found.rule} is not public`, "--egress-allow");
    }
    if (steered === undefined || isAllowed(allow, place, true) || isAllowed(own ?? [], place, true)) return;
    throw refused(where, `${chosen[steered]}, and ${found.rule} is not public`, "spec.egress.allow of the Sensor");
  };
  const judge: Judge = {
    host(given, port) {
      const host = hostName(given);
      const bytes = parseAddress(given);
      if (bytes !== undefined) check({ host: addressText(bytes), port }, bytes);
      if (metadataNames.has(host)) throw refused({ host, port }, "it names the metadata of a cloud");
      // without an entry about addresses the name alone decides, before DNS is told of it
      if (bytes === undefined && own?.every(({ range }) => range === undefined) === true) judge.unknown({ host, port });
      return host;
    },
    address(named, address) {
      const bytes = parseAddress(address);
      if (bytes === undefined) throw refused(named, `DNS answered ${JSON.stringify(address)}, which is no address`);
      check(named, bytes);
    },
    unknown(named) {
      if (own !== undefined && !isAllowed(own, named)) throw notListed(named);
    },
    answer(named, found) {
      let why: unknown;
      const fit = found.filter(({ address }) => {
        try {
          judge.address(named, address);
          return true;
        } catch (error) {
          // a name that leads to metadata beside other places was made for it: it is not tried at all
          if (classOf(address).kind === "never") throw error;
          why ??= error;
          return false;
        }
      });
      if (fit.length === 0 && why !== undefined) throw why;
      return fit;
    },
  };
  return judge;
}

function classOf(address: string): AddressClass {
  const bytes = parseAddress(address);
  return bytes === undefined ? { kind: "never", rule: "" } : classifyAddress(bytes);
}

function notListed(where: Named & { readonly address?: string }): TideError {
  return refused(where, "spec.egress.allow of the Sensor does not list it");
}

/** Host, address, rule, and where it could be allowed. */
function refused(where: Named & { readonly address?: string }, why: string, fix?: string): TideError {
  const { host, port, address } = where;
  const at = address === undefined || address === host ? "" : ` (${address})`;
  const shown = `${host.includes(":") ? `[${host}]` : host}:${port}`.slice(0, 300);
  const wanted = address ?? host;
  const allow = fix === undefined ? "" : `; to allow it, list ${host === "" ? wanted : host.slice(0, 253)} in ${fix}`;
  return new TideError("EGRESS_REFUSED", `no connection to ${shown}${at}: ${why}${allow}`);
}
