import type { FastifyInstance } from "fastify";

/** What the probes and the scrape are answered from; before the start is over there is nothing to ask. */
export interface Probed {
  readonly runtime:
    | { faults(): readonly string[]; readonly metrics: { text(): Promise<string>; readonly contentType: string } }
    | undefined;
  readonly stopping: boolean;
}

/**
 * `/livez`: the process answers. `/readyz`: 503 with a line for each faulty part; `?verbose` also says what is well.
 * Never depends on targets: a dead target is a dead letter, not a reason to take tidemill out of service.
 * `quiet`: the status alone, for those who are asked for no token.
 */
export function serveProbes(
  app: FastifyInstance,
  probed: () => Probed,
  { quiet = false }: { readonly quiet?: boolean } = {},
): void {
  app.get("/livez", (_request, reply) => reply.type("text/plain").send("ok\n"));
  app.get<{ Querystring: { verbose?: string } }>("/readyz", (request, reply) => {
    const { runtime, stopping } = probed();
    const faults = faultsOf(runtime?.faults(), stopping);
    const lines = quiet ? [] : faults.map((fault) => `[-] ${fault}`);
    if (!quiet && request.query.verbose !== undefined && runtime !== undefined) lines.push("[+] process");
    const word = faults.length === 0 ? "ok" : "not ready";
    return reply
      .code(faults.length === 0 ? 200 : 503)
      .type("text/plain")
      .send(`${[...lines, word].join("\n")}\n`);
  });
}

function faultsOf(faults: readonly string[] | undefined, stopping: boolean): readonly string[] {
  if (stopping) return ["stopping", ...(faults ?? [])];
  return faults ?? ["starting"];
}

export function serveMetrics(app: FastifyInstance, probed: () => Probed): void {
  app.get("/metrics", async (_request, reply) => {
    const metrics = probed().runtime?.metrics;
    if (metrics === undefined) return reply.code(503).type("text/plain").send("starting\n");
    return reply.type(metrics.contentType).send(await metrics.text());
  });
}
