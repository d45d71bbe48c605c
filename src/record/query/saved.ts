/** A question of the delay analysis that comes with tidemill. Written once, for all databases. */
export interface SavedQuery {
  readonly name: string;
  readonly summary: string;
  /** Of events received since this moment, Unix microseconds. */
  sql(sinceUs: number): string;
}

/** A stored event, received since; `e` is its row. */
const stored = (sinceUs: number) => `e.receipt = 'stored' AND e.source <> '' AND e.received_us >= ${whole(sinceUs)}`;

/** And one of its firings, `f`; those of a `dlqTrigger` are left out. */
const way = `event e JOIN firing_event p ON p.event_no = e.no
    JOIN firing f ON f.no = p.firing_no AND f.parent IS NULL AND f.sensor <> ''`;

/** When it was sent, by our clock. */
const sent = "(e.sent_us - coalesce(e.skew_us, 0))";

/** The same; when it was received, where the sender says nothing or its clock is further ahead (but for its rounding). */
const begun = `CASE WHEN ${sent} - e.received_us <= 1000 THEN ${sent} ELSE e.received_us END`;

function whole(us: number): number {
  if (!Number.isSafeInteger(us)) throw new RangeError(`${us} is no moment`);
  return us;
}

/** Percentiles by nearest rank of the column `us` of `inner`, for each group of `by`. */
function spread(by: string, inner: string): string {
  const percentile = (percent: number) =>
    `round(min(CASE WHEN at_rank * 100 >= n * ${percent} THEN us END) / 1000.0, 3) AS p${percent}_ms`;
  return `WITH delay AS (
  ${inner}
), ranked AS (
  SELECT ${by}, CASE WHEN us < 0 THEN 0 ELSE us END AS us,
    row_number() OVER (PARTITION BY ${by} ORDER BY us) AS at_rank, count(*) OVER (PARTITION BY ${by}) AS n
  FROM delay WHERE us IS NOT NULL
)
SELECT ${by}, max(n) AS events,
  ${percentile(50)}, ${percentile(95)}, ${percentile(99)}, round(max(us) / 1000.0, 3) AS max_ms
FROM ranked GROUP BY ${by} ORDER BY ${by}`;
}

export const savedQueries: readonly SavedQuery[] = [
  {
    name: "delays",
    summary: "Percentiles of each hop, as `tidemill delays` counts them",
    sql: (since) =>
      spread(
        "step, hop",
        `SELECT 1 AS step, 'sent-received' AS hop, e.received_us - ${sent} AS us
    FROM event e WHERE ${stored(since)} AND ${sent} - e.received_us <= 1000
  UNION ALL SELECT 2, 'received-stored', e.stored_us - e.received_us FROM event e WHERE ${stored(since)}
  UNION ALL SELECT 3, 'stored-fired', f.fired_us - e.stored_us FROM ${way} WHERE ${stored(since)}
  UNION ALL SELECT 4, 'fired-done', f.done_us - f.fired_us FROM ${way} WHERE ${stored(since)}
  UNION ALL SELECT 5, 'total', f.done_us - ${begun} FROM ${way} WHERE ${stored(since)}`,
      ),
  },
  {
    name: "delays-by-hour",
    summary: "The whole way of events, for each hour in which they were received",
    sql: (since) =>
      spread(
        "hour_us",
        `SELECT e.received_us - e.received_us % 3600000000 AS hour_us, f.done_us - ${begun} AS us
    FROM ${way} WHERE ${stored(since)}`,
      ),
  },
  {
    name: "delays-by-source",
    summary: "The whole way of events, for each EventSource and event name",
    sql: (since) =>
      spread(
        "source, subject",
        `SELECT e.source AS source, e.subject AS subject, f.done_us - ${begun} AS us FROM ${way} WHERE ${stored(since)}`,
      ),
  },
  {
    name: "delays-by-trigger",
    summary: "From the decision until the target was done, for each trigger",
    sql: (since) =>
      spread(
        "sensor, trigger_name",
        `SELECT f.sensor AS sensor, f.trigger_name AS trigger_name, f.done_us - f.fired_us AS us
    FROM ${way} WHERE ${stored(since)}`,
      ),
  },
  {
    name: "queue-waits",
    summary: "From when an attempt was due until it was made, for each trigger: is there enough concurrency?",
    sql: (since) =>
      spread(
        "sensor, trigger_name",
        `SELECT f.sensor AS sensor, f.trigger_name AS trigger_name, a.started_us - f.due_us AS us
    FROM firing f JOIN attempt a ON a.firing_no = f.no AND a.round = f.round
    WHERE f.fired_us >= ${whole(since)} AND f.sensor <> '' AND f.state IN ('done', 'dead') AND a.n =
      (SELECT max(last.n) FROM attempt last WHERE last.firing_no = f.no AND last.round = f.round)`,
      ),
  },
  {
    name: "slowest",
    summary: "The 20 events that took longest, with the time of each hop",
    sql: (since) => `SELECT e.id AS event, e.source AS source, f.sensor AS sensor, f.trigger_name AS trigger_name,
  e.received_us AS received_us, round((e.stored_us - e.received_us) / 1000.0, 3) AS received_stored_ms,
  round((f.fired_us - e.stored_us) / 1000.0, 3) AS stored_fired_ms,
  round((f.done_us - f.fired_us) / 1000.0, 3) AS fired_done_ms,
  round((f.done_us - ${begun}) / 1000.0, 3) AS total_ms
FROM ${way} WHERE ${stored(since)} AND f.done_us IS NOT NULL
ORDER BY f.done_us - ${begun} DESC, e.no LIMIT 20`,
  },
  {
    name: "failures",
    summary: "Failed attempts by trigger and code",
    sql: (since) => `SELECT f.sensor AS sensor, f.trigger_name AS trigger_name, a.code AS code, count(*) AS attempts,
  count(DISTINCT f.no) AS firings, max(a.ended_us) AS last_us
FROM attempt a JOIN firing f ON f.no = a.firing_no
WHERE a.outcome = 'failed' AND a.started_us >= ${whole(since)}
GROUP BY f.sensor, f.trigger_name, a.code ORDER BY attempts DESC, sensor, trigger_name, code`,
  },
  {
    name: "backlog",
    summary: "Firings that are not done, by trigger and state",
    sql: (since) => `SELECT f.sensor AS sensor, f.trigger_name AS trigger_name, f.state AS state, count(*) AS firings,
  min(f.due_us) AS oldest_due_us
FROM firing f WHERE f.state NOT IN ('done', 'dropped') AND f.fired_us >= ${whole(since)}
GROUP BY f.sensor, f.trigger_name, f.state ORDER BY firings DESC, sensor, trigger_name, state`,
  },
];
