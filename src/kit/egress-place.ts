/** Ports of the schemes whose URLs name none. */
const ports: Readonly<Record<string, number>> = {
  "http:": 80,
  "https:": 443,
  "mysql:": 3306,
  "mariadb:": 3306,
  "postgres:": 5432,
  "postgresql:": 5432,
  "ssh:": 22,
  "git:": 9418,
};

/** `host:port` of a URL, as `Trigger.reaches` gives it; the text itself where it is none. */
export function placeOfUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || url.hostname === "") return text;
  return `${url.hostname}:${url.port === "" ? (ports[url.protocol] ?? 0) : url.port}`;
}

/** `host:port`, an address of version 6 in brackets. */
export function placeOf(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Host and port of what `Trigger.reaches` gives; undefined for what is no place, such as a text that a parameter replaces. */
export function splitPlace(place: string): { readonly host: string; readonly port: number } | undefined {
  const [, inBrackets, plain, port] = /^(?:\[([^\]]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(place) ?? [];
  const host = inBrackets ?? plain;
  return host === undefined ? undefined : { host, port: Number(port) };
}
