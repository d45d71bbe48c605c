import { z } from "zod";
import { change } from "../audit-log.ts";
import { scopes, type TokenAnswer } from "../tokens.ts";
import { listOf, time } from "./shared.ts";

const shape = {
  id: z.string(),
  name: z.string(),
  scope: z.enum(scopes).meta({ description: "What it allows; each scope allows what those before it do." }),
  createdAt: time,
  expiresAt: time.optional().meta({ description: "RFC 3339; absent: never." }),
  expired: z.boolean(),
  lastUsedAt: time.optional().meta({ description: "RFC 3339, to the minute; absent: never." }),
};

const token: z.ZodType<TokenAnswer> = z.strictObject(shape);

export const tokenCreated = z.strictObject({
  token: z.string().meta({ description: "The token itself: it is kept nowhere and not shown again." }),
  ...shape,
});
export const tokenList = listOf(token);
export const tokenRevoked = z.strictObject({
  id: z.string(),
  name: z.string().optional().meta({ description: "Absent where it was revoked by its id." }),
});
export const changeList = listOf(change);
