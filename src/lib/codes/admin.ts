import type { Code } from "../errors.ts";

/** Codes of who may use the admin API. */
export const adminCodes = {
  ADMIN_TOKEN_MISSING: {
    id: "TM7080",
    says: "The admin API would be open to others, and no token is there that it could ask them for.",
    fix: "Make one with `tidemill token create NAME --scope view|operate|admin` for the same data folder, or listen on 127.0.0.1.",
    retry: "never",
  },
  TOKEN_REQUIRED: {
    id: "TM7081",
    says: "The admin API asks for a token here, and none was given.",
    fix: "Give one with `--token`, `TIDEMILL_TOKEN`, or the header `Authorization: Bearer TOKEN`; `tidemill token create NAME` makes one.",
    retry: "never",
  },
  TOKEN_REFUSED: {
    id: "TM7082",
    says: "The token is unknown, revoked or expired.",
    fix: "See `tidemill token ls` where the data folder is, and make a new one with `tidemill token create NAME`.",
    retry: "never",
  },
  SCOPE_MISSING: {
    id: "TM7083",
    says: "The token's scope does not allow this.",
    fix: "Use a token of the scope that is named: `view` looks, `operate` also retries, replays, sends and pauses, `admin` does everything.",
    retry: "never",
  },
  TOKEN_TRIES: {
    id: "TM7084",
    says: "Too many wrong tokens came from this address.",
    fix: "Wait as long as the header `Retry-After` says, and use a token of `tidemill token ls`.",
    retry: "backoff",
  },
  CONTENT_TYPE_REFUSED: {
    id: "TM7085",
    says: "A request that changes something has to be JSON, which a form of a web page cannot send.",
    fix: "Send the header `Content-Type: application/json`.",
    retry: "never",
  },
  TOKENS_UNREADABLE: {
    id: "TM7086",
    says: "The folder of tokens, or a file of it, cannot be read or written.",
    fix: "Look at the file that is named and at the rights of its folder; a damaged file is removed with `tidemill token revoke ID`.",
    retry: "never",
  },
  TOKEN_UNKNOWN: {
    id: "TM7087",
    says: "No token has this name or id.",
    fix: "List them with `tidemill token ls`.",
    retry: "never",
  },
  ADMIN_TLS_BAD: {
    id: "TM7088",
    says: "The certificate or the key of the admin API cannot be used.",
    fix: "Give both as PEM files: `--admin-tls CERT,KEY`.",
    retry: "never",
  },
} as const satisfies Record<string, Code>;
