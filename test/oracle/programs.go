package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"sort"

	"github.com/itchyny/gojq"
	lua "github.com/yuin/gopher-lua"
)

// Op "transform": what becomes of the data of an event, that is the first output, which must be an object. Op "first":
// that output. Otherwise all outputs; an error after some of them is an error.
func askJq(ctx context.Context, c Case) Answer {
	query, err := gojq.Parse(c.Text)
	if err != nil {
		return failed("compile", err)
	}
	code, err := gojq.Compile(query)
	if err != nil {
		return failed("compile", err)
	}
	if c.Op == "transform" {
		return jqTransform(ctx, code, c.JSON)
	}
	var input any
	if err := json.Unmarshal([]byte(c.JSON), &input); err != nil {
		return failed("run", err)
	}
	outputs := []any{}
	iter := code.RunWithContext(ctx, input)
	for v, more := iter.Next(); more; v, more = iter.Next() {
		if err, ok := v.(error); ok {
			return failed("run", err)
		}
		outputs = append(outputs, jqPlain(v))
		if c.Op == "first" {
			break
		}
	}
	return value(map[string]any{"outputs": outputs})
}

// jqPlain writes a value as plain does, but for numbers, which in jq are of one type: "n:1.5".
func jqPlain(v any) any {
	switch x := v.(type) {
	case int:
		return fmt.Sprintf("n:%d", x)
	case *big.Int:
		return "n:" + x.String()
	case float64:
		return "n:" + floatText(x)
	case json.Number:
		f, _ := x.Float64()
		return "n:" + floatText(f)
	case []any:
		list := make([]any, len(x))
		for i, item := range x {
			list[i] = jqPlain(item)
		}
		return list
	case map[string]any:
		object := map[string]any{}
		for key, item := range x {
			object["s:"+key] = jqPlain(item)
		}
		return object
	}
	return plain(v)
}

func jqTransform(ctx context.Context, code *gojq.Code, data string) Answer {
	input, err := object(data)
	if err != nil {
		return failed("run", err)
	}
	v, more := code.RunWithContext(ctx, input).Next()
	if !more {
		return failed("run", errors.New("no output"))
	}
	if err, ok := v.(error); ok {
		return failed("run", err)
	}
	if _, ok := v.(map[string]any); !ok {
		return failed("run", fmt.Errorf("the output is a %T", v))
	}
	text, err := json.Marshal(v)
	if err != nil {
		return failed("run", err)
	}
	return value(string(text))
}

// Op "passes": the verdict of a script filter. Otherwise the data that a script returns.
func askLua(ctx context.Context, c Case) Answer {
	data, err := object(c.JSON)
	if err != nil {
		return failed("run", err)
	}
	state := lua.NewState()
	defer state.Close()
	state.SetContext(ctx)
	state.SetGlobal("event", toTable(data))
	chunk, err := state.LoadString(c.Text)
	if err != nil {
		return failed("compile", err)
	}
	state.Push(chunk)
	if err := state.PCall(0, lua.MultRet, nil); err != nil {
		return failed("run", err)
	}
	returned := state.Get(-1)
	if c.Op == "passes" {
		return value(map[string]any{"passes": returned == lua.LTrue})
	}
	table, ok := returned.(*lua.LTable)
	if !ok {
		return failed("run", fmt.Errorf("returned a %s", returned.Type()))
	}
	text, err := json.Marshal(toGo(table))
	if err != nil {
		return failed("run", err)
	}
	return value(string(text))
}

// toTable drops null members, and of arrays also nulls and arrays. Argo Events fills a table in the random order of a
// Go map; here it is that of the keys, one of those.
func toTable(object map[string]any) *lua.LTable {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	table := &lua.LTable{}
	for _, key := range keys {
		if list, ok := object[key].([]any); ok {
			array := &lua.LTable{}
			for _, item := range list {
				if v := toLua(item); v != nil {
					array.Append(v)
				}
			}
			table.RawSetString(key, array)
		} else if v := toLua(object[key]); v != nil {
			table.RawSetString(key, v)
		}
	}
	return table
}

func toLua(v any) lua.LValue {
	switch x := v.(type) {
	case float64:
		return lua.LNumber(x)
	case string:
		return lua.LString(x)
	case bool:
		return lua.LBool(x)
	case map[string]any:
		return toTable(x)
	}
	return nil
}

func toGo(v lua.LValue) any {
	switch x := v.(type) {
	case *lua.LNilType:
		return nil
	case lua.LBool:
		return bool(x)
	case lua.LString:
		return string(x)
	case lua.LNumber:
		return float64(x)
	case *lua.LTable:
		return tableToGo(x)
	}
	return v
}

func tableToGo(table *lua.LTable) any {
	if length := table.MaxN(); length > 0 {
		list := make([]any, 0, length)
		for i := range length {
			list = append(list, toGo(table.RawGetInt(i+1)))
		}
		return list
	}
	if meta, ok := table.Metatable.(*lua.LTable); ok && table.Len() == 0 {
		if first, _ := table.Next(lua.LNil); first == lua.LNil && meta.RawGetString("__is_array") == lua.LTrue {
			return []any{}
		}
	}
	object := map[string]any{}
	table.ForEach(func(key, v lua.LValue) { object[key.String()] = toGo(v) })
	return object
}
