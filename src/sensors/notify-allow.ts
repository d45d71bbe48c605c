import { BlockList, isIP } from "node:net";
import { domainToASCII } from "node:url";

/** What a target of its own is reached by. */
export type TargetKind = "http" | "sns" | "email" | "slack";

/** A target that a job may name, in the one form that is sent to and compared. */
export interface Target {
  readonly kind: TargetKind;
  /** The URL, the ARN, the address or the channel: what the trigger type is given. */
  readonly address: string;
  /** For people, logs and other targets: without the query of a URL, where secrets are. */
  readonly shown: string;
}

/** Why a target may not be used, in a sentence that never has more of it than `shown`. */
export interface Refusal {
  readonly refused: string;
  readonly shown: string;
}

/** One entry of an allow-list. */
export interface AllowEntry {
  readonly text: string;
  allows(target: Target): boolean;
}

/** A longer target is nothing that anybody wrote. */
const longestTarget = 2_000;

/**
 * Reads what a job names as its target: `https://…` or `http://…`, `arn:aws:sns:…`, `mailto:ADDRESS`, `slack:#CHANNEL`.
 * What has more than one reading is refused rather than read: user names in URLs, control characters, white space and
 * backslashes, encoded slashes, dots and backslashes, quoted or routed addresses, several addresses. What is compared with
 * the allow-list is what is then sent to, so that nothing can differ between the two.
 */
export function readTarget(text: string): Target | Refusal {
  const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  if (text.length > longestTarget) return { refused: "it is longer than any target", shown };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are refused
  if (/[\x00-\x20\x7f-\xa0\\]/.test(text)) {
    return { refused: "it has white space, control characters or a backslash", shown: JSON.stringify(shown) };
  }
  const scheme = /^([a-z]+):/i.exec(text)?.[1]?.toLowerCase() ?? "";
  const rest = text.slice(scheme.length + 1);
  if (scheme === "http" || scheme === "https") return readUrl(text);
  if (scheme === "arn") return readArn(text);
  if (scheme === "mailto") return readAddress(rest);
  if (scheme === "slack") return readChannel(rest);
  return { refused: "it begins with none of https:, http:, arn:, mailto: and slack:", shown };
}

function readUrl(text: string): Target | Refusal {
  const url = URL.parse(text);
  const written = text.replace(/[?#].*$/s, "");
  if (url === null || url.hostname === "") return { refused: "it is no URL", shown: written };
  const shown = `${url.origin}${url.pathname}`;
  const authority = /^[a-z]+:\/\/([^/?#]*)/i.exec(text)?.[1];
  if (!authority) return { refused: "it is no URL of the form https://HOST/PATH", shown };
  if (authority.includes("@")) return { refused: "it has a user name", shown };
  if (/%(?:2e|2f|5c|00)/i.test(url.pathname) || /%(?![\da-f]{2})/i.test(url.pathname)) {
    return { refused: "its path has encoded slashes or dots", shown };
  }
  // a server may drop what is written twice, or read `;x` as no part of a name
  if (/\/(?:\/|\.\.?(?:[/;]|$))/.test(written.slice(written.indexOf("//") + 2)) || url.pathname.includes("//")) {
    return { refused: "its path has empty or dotted parts", shown };
  }
  url.hash = "";
  return { kind: "http", address: url.href, shown };
}

const topic = /^arn:(?:aws|aws-cn|aws-us-gov):sns:[a-z\d-]{1,32}:\d{12}:[\w-]{1,256}(?:\.fifo)?$/;

function readArn(text: string): Target | Refusal {
  if (!topic.test(text)) return { refused: "it is no ARN of a topic", shown: text.slice(0, 200) };
  return { kind: "sns", address: text, shown: text };
}

/** No quotes, no comments, no routes (`%`, `!`), one address: what every mail server reads alike. */
const localPart = /^[a-z\d#$&'*+/=?^_`{|}~-]+(?:\.[a-z\d#$&'*+/=?^_`{|}~-]+)*$/i;
const domainName = /^(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)*[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/;

function readAddress(text: string): Target | Refusal {
  const shown = `mailto:${text}`.slice(0, 200);
  const at = text.indexOf("@");
  const local = text.slice(0, at);
  const domain = domainToASCII(text.slice(at + 1)).toLowerCase();
  const fits = at > 0 && local.length <= 64 && domain.length <= 253;
  if (!fits || !localPart.test(local) || text.slice(at + 1).includes("@") || !domainName.test(domain)) {
    return { refused: "it is no plain address of one mailbox", shown };
  }
  return { kind: "email", address: `${local}@${domain}`, shown: `mailto:${local}@${domain}` };
}

function readChannel(text: string): Target | Refusal {
  if (!/^#?[\w.-]{1,80}$/.test(text))
    return { refused: "it is no name of a channel", shown: `slack:${text}`.slice(0, 200) };
  return { kind: "slack", address: text, shown: `slack:${text}` };
}

/** An entry of an allow-list, or why it is none. `*` stands for other characters, within the part that it is in. */
export function readAllow(text: string): AllowEntry | { readonly problem: string } {
  const scheme = /^(https?|arn|mailto|slack):/i.exec(text)?.[1]?.toLowerCase();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are refused
  if (/[\x00-\x20\x7f\\]/.test(text)) return { problem: "it has white space, control characters or a backslash" };
  if (scheme === "http" || scheme === "https") return allowUrl(text, scheme);
  if (scheme === "arn") return allowParts(text, "sns");
  if (scheme === "mailto") return allowAddress(text.slice("mailto:".length), text);
  if (scheme === "slack") {
    const matches = wildcards(text.slice("slack:".length), ".");
    return { text, allows: ({ kind, address }) => kind === "slack" && matches(address) };
  }
  return { problem: "it begins with none of https:, http:, arn:, mailto: and slack:" };
}

/** Scheme and port must be those written (no port: the scheme's own); a query may always follow. */
function allowUrl(text: string, scheme: "http" | "https"): AllowEntry | { readonly problem: string } {
  const [, authority = "", path = ""] = /^[a-z]+:\/\/([^/?#]*)([^?#]*)/i.exec(text) ?? [];
  if (authority.includes("@")) return { problem: "it has a user name" };
  if (/[?#]/.test(text))
    return { problem: "it has a query or a fragment: only scheme, host, port and path are compared" };
  const url = URL.parse(`${scheme}://${authority}`);
  if (url === null || url.hostname === "") return { problem: "it has no host that can be read" };
  const { hostname, port } = url;
  const wild = hostname.includes("*");
  const host = wild ? hostWildcards(hostname) : (name: string) => name === hostname;
  const matches = wildcards(path === "" ? "/" : path, ".");
  const allows = ({ kind, address }: Target): boolean => {
    const to = kind === "http" ? URL.parse(address) : null;
    if (to === null || to.protocol !== `${scheme}:` || to.port !== port) return false;
    if (wild && isInternal(to.hostname)) return false;
    return host(to.hostname) && matches(to.pathname);
  };
  return { text, allows };
}

/** `*.example.com` stands for every host below it, `*` inside a label for a part of that label. */
function hostWildcards(pattern: string): (host: string) => boolean {
  const below = pattern.startsWith("*.") ? pattern.slice(2) : undefined;
  if (pattern === "*") return () => true;
  if (below === undefined) return wildcards(pattern, "[^.]");
  const rest = wildcards(below, "[^.]");
  const labels = below.split(".").length;
  return (host) => {
    const parts = host.split(".");
    return parts.length > labels && rest(parts.slice(-labels).join("."));
  };
}

function allowParts(text: string, kind: TargetKind): AllowEntry | { readonly problem: string } {
  const parts = text.split(":");
  if (parts.length !== 6 || parts[2] !== "sns") {
    return { problem: "it is no ARN of topics: arn:aws:sns:REGION:ACCOUNT:NAME, each with * where others may stand" };
  }
  const tests = parts.map((part) => wildcards(part, "[^:]"));
  const allows = (target: Target): boolean => {
    const given = target.address.split(":");
    return target.kind === kind && given.length === 6 && tests.every((test, i) => test(given[i] ?? ""));
  };
  return { text, allows };
}

function allowAddress(address: string, text: string): AllowEntry | { readonly problem: string } {
  const at = address.lastIndexOf("@");
  if (at < 1) return { problem: "it is no address: mailto:NAME@DOMAIN, each with * where others may stand" };
  const local = wildcards(address.slice(0, at), ".");
  const pattern = address.slice(at + 1).toLowerCase();
  const domain = pattern.includes("*") ? hostWildcards(pattern) : (name: string) => name === domainToASCII(pattern);
  const allows = (target: Target): boolean => {
    const [name = "", host = ""] = target.address.split("@");
    return target.kind === "email" && local(name) && domain(host);
  };
  return { text, allows };
}

/**
 * Matches a whole text against pieces between stars, from left to right: no regular expression, so that no pattern takes
 * more than the product of both lengths. `within` says what a star stands for: anything (`.`), or anything but a separator.
 */
function wildcards(pattern: string, within: "." | "[^.]" | "[^:]"): (text: string) => boolean {
  const separator = within === "." ? undefined : within[2];
  const pieces = pattern.split("*");
  const [first = "", ...others] = pieces;
  if (others.length === 0) return (text) => text === pattern;
  const last = others.pop() ?? "";
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const piece of others) {
      const found = text.indexOf(piece, at);
      if (found < 0 || found + piece.length > end || crosses(text.slice(at, found))) return false;
      at = found + piece.length;
    }
    return !crosses(text.slice(at, end));
  };
  function crosses(part: string): boolean {
    return separator !== undefined && part.includes(separator);
  }
}

const internal = internalRanges();

function internalRanges(): BlockList {
  const list = new BlockList();
  for (const [net, bits] of [
    ["0.0.0.0", 8],
    ["10.0.0.0", 8],
    ["100.64.0.0", 10],
    ["127.0.0.0", 8],
    ["169.254.0.0", 16],
    ["172.16.0.0", 12],
    ["192.168.0.0", 16],
  ] as const)
    list.addSubnet(net, bits, "ipv4");
  for (const [net, bits] of [
    ["::", 127],
    ["fc00::", 7],
    ["fe80::", 10],
    ["64:ff9b::", 96],
  ] as const)
    list.addSubnet(net, bits, "ipv6");
  return list;
}

/**
 * Names and addresses of the machine itself and of networks around it (loopback, link-local with the clouds' metadata,
 * private): no star stands for them, they are allowed where they are written out.
 */
function isInternal(hostname: string): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  if (host === "localhost" || host.endsWith(".localhost") || host.endsWith(".local") || host.endsWith(".internal"))
    return true;
  const family = isIP(host);
  if (family === 0) return false;
  // an IPv4 address in the form of an IPv6 one is checked as what it is: BlockList does so itself
  return internal.check(host, family === 6 ? "ipv6" : "ipv4");
}
