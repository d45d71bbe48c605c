import { buildApp } from "fauxqs";

/** A local SQS, in memory, on the loopback alone. `sqs-stand-in PORT` */
await buildApp({ logger: false }).listen({ port: Number(process.argv[2]), host: "127.0.0.1" });
process.on("SIGTERM", () => process.exit(0));
process.stdout.write("ready\n");
