import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { answersHttp } from "./answers.ts";
import { jarsOf, programPath } from "./recipes.ts";
import { freePort, type Server, startServer } from "./server.ts";

export interface OpensearchServer extends Server {
  readonly url: string;
  /** One request; the JSON of its answer. Throws what is wrong with it. */
  // biome-ignore lint/suspicious/noExplicitAny: documents of any kind, looked into by tests
  ask(method: string, path: string, body?: unknown): Promise<any>;
}

/** One OpenSearch 2 node: the bulk API, index templates and data streams that Elasticsearch has too. */
export async function startOpensearch(): Promise<OpensearchServer> {
  const transport = await freePort();
  const main = fileURLToPath(new URL("./opensearch/SingleNode.java", import.meta.url));
  const server = await startServer({
    name: "opensearch",
    command: ({ port, folder }) => ({
      program: programPath("java"),
      args: [
        ...["-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", jarsOf("opensearch")],
        ...[main, join(folder, "home"), String(port), String(transport)],
      ],
    }),
    answers: (port, signal) => answersHttp(port, "/_cluster/health?wait_for_status=yellow&timeout=1s", signal),
    readyTimeoutMs: 60_000,
  });
  const url = `http://127.0.0.1:${server.port}`;
  const ask: OpensearchServer["ask"] = async (method, path, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  };
  return Object.assign(server, { url, ask });
}
