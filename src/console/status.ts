import type { FastifyInstance } from "fastify";
import { status } from "../runtime/status.ts";
import type { AdminParts, Ask } from "./admin.ts";

export function serveStatus(api: FastifyInstance, ask: Ask, parts: AdminParts): void {
  api.get("/status", () => {
    const runtime = ask();
    const { version, dataDir, listenHost } = parts;
    return status({ runtime, version, dataDir, listenHost, jobs: runtime.jobs });
  });
}
