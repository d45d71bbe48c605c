import { choice, flag, json, list, object, optional, secretRef, text, whole } from "../../kit/fields.ts";
import { saslConfig, tlsConfig } from "../../kit/schemas.ts";
import { word } from "./described.ts";

/** Fields of the pods that Argo Events makes for a bus: without effect here, and not looked into. */
function pod() {
  const part = (description: string) => optional(json({ description: `${description} Without effect here.` }));
  return {
    containerTemplate: part("Container of the server."),
    reloaderContainerTemplate: part("Container of the reloader."),
    metricsContainerTemplate: part("Container of the metrics exporter."),
    metadata: part("Labels and annotations of the pods."),
    nodeSelector: part("Nodes of the pods."),
    tolerations: part("Tolerations of the pods."),
    affinity: part("Affinity of the pods."),
    securityContext: part("Security context of the pods."),
    imagePullSecrets: part("Secrets to pull images with."),
    priorityClassName: word("Priority class of the pods. Without effect here."),
    priority: optional(whole({ description: "Priority of the pods. Without effect here." })),
    serviceAccountName: word("Service account of the pods. Without effect here."),
  } as const;
}

const persistence = optional(
  object(
    {
      storageClassName: word("Storage class."),
      accessMode: word("Access mode. Default ReadWriteOnce."),
      volumeSize: word("Size of the volume. Default 20Gi."),
    },
    { description: "Volume of each pod." },
  ),
);

const native = object(
  {
    replicas: optional(whole({ description: "Pods, at least 3. Default 3." })),
    auth: optional(choice(["", "none", "token"], { description: "How clients authenticate. Default none." })),
    persistence,
    antiAffinity: optional(flag({ description: "Of old manifests; without effect." })),
    maxAge: word("How long messages are kept. Default 72h."),
    maxMsgs: optional(whole({ description: "Most messages that are kept. Default 1000000." })),
    maxBytes: word("Most bytes that are kept. Default 1GB."),
    maxSubs: optional(whole({ description: "Most subscriptions. Default 1000." })),
    maxPayload: word("Largest message. Default 1MB."),
    raftHeartbeatTimeout: word("Raft. Default 2s."),
    raftElectionTimeout: word("Raft. Default 2s."),
    raftLeaseTimeout: word("Raft. Default 1s."),
    raftCommitTimeout: word("Raft. Default 100ms."),
    ...pod(),
  },
  { description: "NATS Streaming in the cluster." },
);

const accessSecret = optional(secretRef({ description: "Credentials, as YAML text." }));

/** `spec` of an EventBus (reference 6). */
export const eventBusSpecSchema = object(
  {
    nats: optional(
      object(
        {
          native: optional(native),
          exotic: optional(
            object(
              {
                url: word("URL of the server."),
                clusterID: word("Id of the cluster."),
                auth: optional(choice(["", "none", "token"], { description: "How clients authenticate." })),
                accessSecret,
              },
              { description: "NATS Streaming that is there already." },
            ),
          ),
        },
        { description: "NATS Streaming (STAN), which is deprecated upstream." },
      ),
    ),
    jetstream: optional(
      object(
        {
          version: word("Version of NATS."),
          replicas: optional(whole({ description: "Pods: 1, or 3 and more. Default 3." })),
          persistence,
          settings: word("Settings of the JetStream block of the server, as text."),
          startArgs: optional(list(text({ description: "Argument." }), { description: "Arguments of the server." })),
          streamConfig: word("Settings of the stream, as YAML text."),
          maxPayload: word("Largest message. Default 1MB."),
          ...pod(),
        },
        { description: "NATS JetStream in the cluster." },
      ),
    ),
    jetstreamExotic: optional(
      object(
        {
          url: word("URL of the server."),
          accessSecret,
          streamConfig: word("Settings of the stream, as YAML text."),
          tls: optional(tlsConfig({ description: "TLS towards the server." })),
        },
        { description: "NATS JetStream that is there already." },
      ),
    ),
    kafka: optional(
      object(
        {
          url: word("Brokers, separated by commas."),
          topic: word("Topic of the events. Default <namespace>-<eventbus>."),
          version: word("Version of the protocol. Default 1.0.0."),
          tls: optional(tlsConfig({ description: "TLS towards the brokers." })),
          sasl: optional(saslConfig({ description: "SASL." })),
          consumerGroup: optional(
            object(
              {
                groupName: word("Name of the group. Default <namespace>-<sensor>."),
                oldest: optional(flag({ description: "A new group begins with the oldest message. Default false." })),
                rebalanceStrategy: word("range, sticky or roundrobin. Default range."),
              },
              { description: "Consumer group of a Sensor." },
            ),
          ),
          partitioner: word("random, hash, roundrobin or manual. Default random."),
        },
        { description: "Kafka that is there already." },
      ),
    ),
  },
  { description: "Spec of an EventBus: one kind of bus." },
);
