import { type Command, Option } from "commander";
import type { Address } from "../console/listen.ts";
import { address, hostNames } from "./options.ts";

/** Where the admin API of `run` listens, and whom it lets in. */
export interface AdminOptions {
  readonly admin: Address | "none";
  readonly requireToken?: boolean;
  readonly adminHost?: readonly string[];
  /** `CERT,KEY`. */
  readonly adminTls?: string;
}

export function withAdmin(command: Command): Command {
  return command
    .addOption(
      new Option("--admin <HOST:PORT>", "where the admin API listens, or none")
        .default({ host: "127.0.0.1", port: 7788 }, "127.0.0.1:7788")
        .argParser(address),
    )
    .option("--require-token", "the admin API asks for a token on 127.0.0.1, too; elsewhere it always does")
    .addOption(
      new Option(
        "--admin-host <NAMES>",
        "names under which the admin API is served, such as those of a proxy before it",
      )
        .env("TIDEMILL_ADMIN_HOST")
        .argParser(hostNames),
    )
    .addOption(new Option("--admin-tls <CERT,KEY>", "PEM files: the admin API speaks https").env("TIDEMILL_ADMIN_TLS"));
}
