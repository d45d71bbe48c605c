package main

import (
	"context"
	"regexp"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
)

func askGjson(_ context.Context, c Case) Answer {
	if c.Op == "valid" {
		return value(map[string]any{"valid": gjson.Valid(c.JSON)})
	}
	r := gjson.Get(c.JSON, c.Text)
	found := map[string]any{
		"exists": r.Exists(), "type": r.Type.String(), "raw": r.Raw, "text": r.String(),
		"number": floatText(r.Float()), "bool": r.Bool(), "value": plain(r.Value()),
	}
	// the other side counts UTF-16 units
	if isASCII(c.JSON + c.Text) {
		found["index"] = r.Index
		found["indexes"] = append([]int{}, r.Indexes...)
	}
	return value(found)
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

func askSjson(_ context.Context, c Case) Answer {
	var out []byte
	var err error
	if c.Op == "raw" {
		out, err = sjson.SetRawBytes([]byte(c.JSON), c.Text, []byte(c.Value))
	} else {
		out, err = sjson.SetBytes([]byte(c.JSON), c.Text, c.Value)
	}
	if err != nil {
		return failed("run", err)
	}
	return value(string(out))
}

func askRegexp(_ context.Context, c Case) Answer {
	re, err := regexp.Compile(c.Text)
	if err != nil {
		return failed("compile", err)
	}
	return value(re.MatchString(c.Value))
}
