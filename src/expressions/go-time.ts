/** Go's package time: layouts ("2006-01-02"), durations, zones. Pure: the clock is the caller's. */
export { type Civil, civilOf, type Instant, secondsOf } from "./go-time/civil.ts";
export { formatDuration, parseDuration } from "./go-time/duration.ts";
export { formatTime } from "./go-time/format.ts";
export { offsetOfWall, parseTime } from "./go-time/parse.ts";
export { fixedZone, loadZone, UTC, type Zone } from "./go-time/zones.ts";
