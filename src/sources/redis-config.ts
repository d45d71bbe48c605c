import { duration, list, object, optional, secretRef, text, whole } from "../kit/fields.ts";
import { commonSourceFields, tlsConfig } from "../kit/schemas.ts";

/** One entry of `redisStream` (reference 1.6), with two extensions. */
export const redisStreamConfig = object(
  {
    hostAddress: text({ description: "Redis server, host:port.", nonEmpty: true }),
    username: optional(text({ description: "User name (Redis ACL)." })),
    password: optional(secretRef({ description: "Password." })),
    db: optional(whole({ description: "Number of the database. Default 0.", min: 0 })),
    tls: optional(tlsConfig({ description: "TLS towards the server." })),
    streams: list(text({ description: "Key of a stream.", nonEmpty: true }), {
      description: "Streams to read. Nothing is read before all of them exist.",
      min: 1,
    }),
    maxMsgCountPerRead: optional(
      whole({ description: "Most entries per stream and read. Default 10, and more while there is a backlog." }),
    ),
    consumerGroup: optional(
      text({ description: "Consumer group on all streams; made when missing, never deleted. Default argo-events-cg." }),
    ),
    ...commonSourceFields,
    startFrom: optional(
      text({
        description:
          "Where a group that does not exist yet begins: `latest` (default), `oldest`, or the id of an entry, which comes next after it. (extension)",
      }),
    ),
    claimIdle: optional(
      duration({
        description:
          "Entries that another consumer of the group took and left unacknowledged for so long are taken over. Default 1m; 0 never. (extension)",
      }),
    ),
  },
  { description: "Streams of one Redis server." },
);

export type RedisStreamConfig = ReturnType<typeof redisStreamConfig.parse>;
