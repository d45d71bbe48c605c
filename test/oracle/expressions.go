package main

import (
	"bytes"
	"context"
	"encoding/json"
	"sort"
	"strings"
	"text/template"

	"github.com/Knetic/govaluate"
	"github.com/Masterminds/sprig/v3"
	"github.com/antonmedv/expr"
	"github.com/antonmedv/expr/builtin"
	"github.com/doublerebel/bellows"
	"github.com/evilmonkeyinc/jsonpath"
	"github.com/tidwall/gjson"
)

var templateFunctions = sprig.FuncMap()

// A template's root is .Input: the decoded document of a parameter, or with op "text" the string of a data filter.
func askTemplate(_ context.Context, c Case) Answer {
	t, err := template.New("param").Funcs(templateFunctions).Parse(c.Text)
	if err != nil {
		return failed("compile", err)
	}
	var input any = gjson.Parse(c.JSON).Value()
	if c.Op == "text" {
		input = gjson.Parse(c.JSON).String()
	}
	var out bytes.Buffer
	if err := t.Execute(&out, map[string]any{"Input": input}); err != nil {
		return failed("run", err)
	}
	return value(out.String())
}

// The parameters are values as gjson gives them.
func askGovaluate(_ context.Context, c Case) Answer {
	parameters, _ := gjson.Parse(c.JSON).Value().(map[string]any)
	e, err := govaluate.NewEvaluableExpression(c.Text)
	if err != nil {
		return failed("compile", err)
	}
	v, err := e.Evaluate(parameters)
	if err != nil {
		return failed("run", err)
	}
	return value(map[string]any{"is": plain(v)})
}

func askJSONPath(_ context.Context, c Case) Answer {
	var document any
	if err := json.Unmarshal([]byte(c.JSON), &document); err != nil {
		return failed("run", err)
	}
	v, err := jsonpath.Query(c.Text, document)
	if err != nil {
		return failed("run", err)
	}
	return value(map[string]any{"is": plain(v)})
}

func askExpr(_ context.Context, c Case) Answer {
	data, err := object(c.JSON)
	if err != nil {
		return failed("run", err)
	}
	program, err := expr.Compile(c.Text)
	if err != nil {
		return failed("compile", err)
	}
	v, err := expr.Run(program, environment(data))
	if err != nil {
		return failed("run", err)
	}
	return value(map[string]any{"is": plain(v)})
}

var sprigMap = sprigWithoutEnvironment()

func sprigWithoutEnvironment() map[string]any {
	functions := sprig.GenericFuncMap()
	delete(functions, "env")
	delete(functions, "expandenv")
	return functions
}

// environment is what a filter.expression sees: top-level keys with "-" as "_", dotted keys as nested maps, a shorter
// key that is in the way of one removed, and the functions of Argo Events.
func environment(data map[string]any) map[string]any {
	renamed := map[string]any{}
	for key, v := range data {
		renamed[strings.ReplaceAll(key, "-", "_")] = v
	}
	keys := make([]string, 0, len(renamed))
	for key := range renamed {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for i := 1; i < len(keys); i++ {
		if strings.HasPrefix(keys[i], keys[i-1]+".") {
			delete(renamed, keys[i-1])
		}
	}
	env := bellows.Expand(renamed)
	env["asInt"] = builtin.Int
	env["asFloat"] = builtin.Float
	env["toJson"] = func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(text)
	}
	env["jsonpath"] = func(text, path string) any {
		var document any
		if err := json.Unmarshal([]byte(text), &document); err != nil {
			panic(err)
		}
		found, err := jsonpath.Query(path, document)
		if err != nil {
			panic(err)
		}
		return found
	}
	env["sprig"] = sprigMap
	return env
}
