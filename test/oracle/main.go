// The languages of Argo Events' manifests, answered by the libraries that define them. One JSON case a line on
// stdin, one JSON answer a line on stdout, in order. With -bench it measures instead.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

// Case is what one language is asked; each takes the fields it needs.
type Case struct {
	Lang string `json:"lang"`
	// Text is the expression, path, pattern, template or script.
	Text string `json:"text"`
	// JSON is the document, as text, so that its bytes survive.
	JSON string `json:"json"`
	// Value is the second input: what sjson sets, what a pattern is matched with.
	Value string `json:"value"`
	// Op is the way in, where a language has several.
	Op string `json:"op"`
}

// Answer is a value, or the stage at which it failed: compile, run, panic, timeout.
type Answer struct {
	Value   any    `json:"v,omitempty"`
	Failed  string `json:"e,omitempty"`
	Message string `json:"m,omitempty"`
}

type language func(ctx context.Context, c Case) Answer

var languages = map[string]language{
	"gjson":     askGjson,
	"sjson":     askSjson,
	"template":  askTemplate,
	"govaluate": askGovaluate,
	"expr":      askExpr,
	"jsonpath":  askJSONPath,
	"regexp":    askRegexp,
	"jq":        askJq,
	"lua":       askLua,
}

// A case that takes longer is answered "timeout". The process then ends, since what runs on cannot be cancelled and may
// eat all memory.
const limit = time.Second

const timeout = "timeout"

func value(v any) Answer { return Answer{Value: v} }

func failed(stage string, err error) Answer {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return Answer{Failed: stage, Message: text}
}

func answer(c Case) Answer {
	ask, known := languages[c.Lang]
	if !known {
		return failed("compile", fmt.Errorf("no language %q", c.Lang))
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	done := make(chan Answer, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				done <- failed("panic", fmt.Errorf("%v", r))
			}
		}()
		done <- ask(ctx, c)
	}()
	select {
	case a := <-done:
		return a
	case <-ctx.Done():
		return Answer{Failed: timeout, Message: limit.String()}
	}
}

func main() {
	bench := flag.Duration("bench", 0, "measure each case for so long")
	flag.Parse()
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	// Lua's print belongs to the script, not to the answers
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stdout = null
	}
	in := json.NewDecoder(bufio.NewReaderSize(os.Stdin, 1<<20))
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for {
		var c Case
		if err := in.Decode(&c); err != nil {
			break
		}
		if *bench > 0 {
			_ = enc.Encode(measure(c, *bench))
		} else {
			a := answer(c)
			_ = enc.Encode(a)
			if a.Failed == timeout {
				_ = out.Flush()
				os.Exit(0)
			}
		}
		// each at once: when a case kills the process, what came before it is known
		_ = out.Flush()
	}
}
