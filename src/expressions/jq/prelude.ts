/** Built-in functions that are written in jq: what follows the name in their definition, by name and arity. */
export const PRELUDE: ReadonlyMap<string, string> = new Map([
  ["in/1", "(object): . as $key | object | has($key);"],
  ["recurse/1", "(step): def down: ., (step | down); down;"],
  ["recurse/2", "(step; test): def down: ., (step | select(test) | down); down;"],
  ["while/2", "(test; step): def go: if test then ., (step | go) else empty end; go;"],
  ["until/2", "(test; step): def go: if test then . else step | go end; go;"],
  ["repeat/1", "(step): def go: step, go; go;"],
  ["with_entries/1", "(change): to_entries | map(change) | from_entries;"],
  ["arrays/0", ': select(type == "array");'],
  ["objects/0", ': select(type == "object");'],
  ["iterables/0", ': select(type as $t | $t == "array" or $t == "object");'],
  ["booleans/0", ': select(type == "boolean");'],
  ["numbers/0", ': select(type == "number");'],
  ["finites/0", ": select(isfinite);"],
  ["normals/0", ": select(isnormal);"],
  ["strings/0", ': select(type == "string");'],
  ["nulls/0", ": select(. == null);"],
  ["values/0", ": select(. != null);"],
  ["scalars/0", ': select(type as $t | $t != "array" and $t != "object");'],
  [
    "combinations/0",
    ": if length == 0 then [] else . as $all | .[0][] as $head | $all[1:] | combinations as $tail | [$head] + $tail end;",
  ],
  ["combinations/1", "(count): . as $one | [limit(count; repeat($one))] | combinations;"],
  [
    "walk/1",
    '(change): def down: (if type == "array" then map(down) elif type == "object" then map_values(down) else . end) | change; down;',
  ],
  [
    "limit/2",
    `($count; source):
      if $count > 0 then
        label $enough | foreach source as $one ($count; . - 1; $one, (if . <= 0 then break $enough else empty end))
      elif $count == 0 then empty
      else error("limit doesn't support negative count") end;`,
  ],
  [
    "skip/2",
    `($count; source):
      if $count > 0 then foreach source as $one ($count; . - 1; if . < 0 then $one else empty end)
      elif $count == 0 then source
      else error("skip doesn't support negative count") end;`,
  ],
  ["nth/1", "($place): .[$place];"],
  [
    "nth/2",
    `($place; source):
      if $place < 0 then error("nth doesn't support negative index") else first(skip($place; source)) end;`,
  ],
  [
    "truncate_stream/1",
    "(stream): . as $depth | null | stream | if (.[0] | length) > $depth then .[0] |= .[$depth:] else empty end;",
  ],
  [
    "fromstream/1",
    `(stream):
      foreach stream as $event (
        null;
        (if .done then null else . end)
        | $event as [$path, $leaf]
        | ($path | length) as $depth
        | if ($event | length) == 2 then setpath(["v"] + $path; $leaf) | .done = ($depth == 0)
          else .done = ($depth == 1) end;
        if .done then .v else empty end
      );`,
  ],
  [
    "tostream/0",
    `: path(def inner: (.[]? | inner), .; inner) as $path
      | getpath($path)
      | reduce path(.[]?) as $last ([$path, .]; [$path + $last]);`,
  ],
  ["paths/0", ": path(..) | select(. != []);"],
  ["paths/1", "(test): path(.. | select(test)) | select(. != []);"],
  ["pick/1", "(places): . as $from | reduce path(places) as $path (null; setpath($path; $from | getpath($path)));"],
  ["fromdateiso8601/0", ': strptime("%Y-%m-%dT%H:%M:%S%z") | mktime;'],
  ["todateiso8601/0", ': strftime("%Y-%m-%dT%H:%M:%SZ");'],
  ["fromdate/0", ": fromdateiso8601;"],
  ["todate/0", ": todateiso8601;"],
  ["match/1", "($pattern): _match($pattern; null; false)[];"],
  ["match/2", "($pattern; $flags): _match($pattern; $flags; false)[];"],
  ["test/1", "($pattern): _match($pattern; null; true);"],
  ["test/2", "($pattern; $flags): _match($pattern; $flags; true);"],
  ["capture/1", "($pattern): _match($pattern; null; false)[] | .captures | _captures;"],
  ["capture/2", "($pattern; $flags): _match($pattern; $flags; false)[] | .captures | _captures;"],
  ["scan/1", "($pattern): scan($pattern; null);"],
  [
    "scan/2",
    '($pattern; $flags): match($pattern; $flags + "g") | if .captures == [] then .string else [.captures[].string] end;',
  ],
  ["splits/1", "($pattern): splits($pattern; null);"],
  ["splits/2", '($pattern; $flags): _gaps([match($pattern; $flags + "g")])[];'],
  ["split/2", "($pattern; $flags): [splits($pattern; $flags)];"],
  ["sub/2", "($pattern; text): sub($pattern; text; null);"],
  [
    "sub/3",
    "($pattern; text; $flags): _sub([match($pattern; $flags) | {offset, length, with: [.captures | _captures | text]}])[];",
  ],
  ["gsub/2", '($pattern; text): sub($pattern; text; "g");'],
  ["gsub/3", '($pattern; text; $flags): sub($pattern; text; $flags + "g");'],
  ["INDEX/1", "(key): INDEX(.[]; key);"],
  ["INDEX/2", "(rows; key): reduce rows as $row ({}; .[$row | key | tostring] = $row);"],
  ["JOIN/2", "($index; key): [.[] | [., $index[key]]];"],
  ["JOIN/3", "($index; rows; key): rows | [., $index[key]];"],
  ["JOIN/4", "($index; rows; key; change): rows | [., $index[key]] | change;"],
  ["IN/1", "(values): any(values == .; .);"],
  ["IN/2", "(source; values): any(source == values; .);"],
]);
