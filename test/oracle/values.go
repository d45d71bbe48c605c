package main

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"sort"
	"time"
)

// plain writes a value so that Go's types can be told apart: "s:text", "i:1", "f:1.5", "time:…", "duration:…" (ns),
// {"m": [[key, value], …]} in the order of the written keys; lists, booleans and null as they are.
func plain(v any) any {
	switch x := v.(type) {
	case nil:
		return nil
	case bool:
		return x
	case string:
		return "s:" + x
	case float64:
		return "f:" + floatText(x)
	case time.Duration:
		return fmt.Sprintf("duration:%d", int64(x))
	case time.Time:
		return "time:" + x.Format(time.RFC3339Nano)
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return fmt.Sprintf("i:%d", r.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("i:%d", r.Uint())
	case reflect.Float32:
		return "f:" + floatText(r.Float())
	case reflect.Slice, reflect.Array:
		list := make([]any, 0, r.Len())
		for i := range r.Len() {
			list = append(list, plain(r.Index(i).Interface()))
		}
		return list
	case reflect.Map:
		entries := make([][2]any, 0, r.Len())
		for _, key := range r.MapKeys() {
			entries = append(entries, [2]any{plain(key.Interface()), plain(r.MapIndex(key).Interface())})
		}
		sort.Slice(entries, func(i, j int) bool { return fmt.Sprint(entries[i][0]) < fmt.Sprint(entries[j][0]) })
		return map[string]any{"m": entries}
	case reflect.Func:
		return "func"
	}
	return fmt.Sprintf("%T", v)
}

func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "+Inf"
	case math.IsInf(f, -1):
		return "-Inf"
	case f == 0 && math.Signbit(f):
		return "-0"
	}
	// as encoding/json writes it, which is as JavaScript does
	text, _ := json.Marshal(f)
	return string(text)
}

// object decodes data as Argo Events does: into a map, with float64 numbers.
func object(text string) (map[string]any, error) {
	var m map[string]any
	err := json.Unmarshal([]byte(text), &m)
	return m, err
}
