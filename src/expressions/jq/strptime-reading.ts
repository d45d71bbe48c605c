/** What has been read so far. Week numbers and weekdays are only used where no day is given. */
export interface Reading {
  readonly source: string;
  at: number;
  year: number;
  month: number;
  /** 0: not given. */
  day: number;
  yearDay: number;
  hour: number;
  minute: number;
  second: number;
  nanos: number;
  /** Seconds ahead of UTC. */
  offset: number;
  century: number;
  pm: boolean;
  week: number;
  /** The first day of weeks: 0 Sunday, 1 Monday, 4 the ISO calendar's Thursday rule; -1 no week was given. */
  weekStart: number;
  /** 1 is Sunday, 0 not given. */
  weekday: number;
  hasIsoYear: boolean;
}

/** Why a text does not fit. */
export class Misfit {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}
