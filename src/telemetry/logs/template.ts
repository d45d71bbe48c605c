export const templateName = "tidemill-logs";

/** Fields by which lines are found and counted; by the Elastic Common Schema 8. */
const keywords = [
  ...["log.level", "log.logger", "service.name", "service.version", "service.environment", "host.name"],
  ...["event.id", "event.action", "event.outcome", "event.dataset", "error.type", "error.code"],
  ...["trace.id", "span.id", "transaction.id"],
];

/**
 * How the lines of tidemill are indexed: a data stream of the Elastic Common Schema, whose own labels are keywords. What is
 * not named here is kept and can be searched as text, and a field of another type than before loses only itself, not the line.
 */
export function indexTemplate(index: string): object {
  return {
    index_patterns: [index],
    data_stream: {},
    priority: 300,
    template: {
      settings: { "index.mapping.ignore_malformed": true, "index.mapping.total_fields.limit": 2000 },
      mappings: {
        dynamic_templates: [
          { labels: { path_match: "labels.*", mapping: { type: "keyword", ignore_above: 1024 } } },
          {
            texts: { match_mapping_type: "string", mapping: { type: "keyword", ignore_above: 1024 } },
          },
        ],
        properties: {
          "@timestamp": { type: "date" },
          message: { type: "text" },
          "error.message": { type: "text" },
          "error.stack_trace": { type: "text" },
          "event.duration": { type: "long" },
          "event.sequence": { type: "long" },
          ...Object.fromEntries(keywords.map((name) => [name, { type: "keyword", ignore_above: 1024 }])),
        },
      },
    },
  };
}
