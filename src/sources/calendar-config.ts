import type { z } from "zod";
import { flag, list, object, optional, text } from "../kit/fields.ts";
import { commonSourceFields } from "../kit/schemas.ts";

const word = (description: string) => optional(text({ description }));

export const calendarConfig = object(
  {
    ...commonSourceFields,
    schedule: word("Five cron fields (minute, hour, day, month, weekday), with an optional `TZ=Zone ` before them."),
    interval: word("Pause between two ticks, such as 10s; not used where there is a schedule."),
    exclusionDates: optional(
      list(text({ description: "`EXDATE:20260101T000000Z`; several dates with commas." }), {
        description: "Days without ticks.",
      }),
    ),
    timezone: word("IANA zone of the schedule; UTC by default."),
    persistence: optional(
      object(
        {
          catchup: optional(
            object(
              {
                enabled: optional(flag({ description: "Ticks that were missed come at the start, in order." })),
                maxDuration: word("How far back, such as 24h; all of them by default."),
              },
              { description: "Ticks that fell into a time when nothing ran." },
            ),
          ),
          configMap: optional(
            object(
              {
                name: word("Name of the ConfigMap."),
                createIfNotExist: optional(flag({ description: "Make it." })),
              },
              { description: "Where Argo Events remembers the last tick; here it is in the bus." },
            ),
          ),
        },
        { description: "Remembers the last tick over a restart." },
      ),
    ),
  },
  { description: "Ticks by a cron schedule or an interval." },
);

export type CalendarConfig = z.infer<typeof calendarConfig>;
