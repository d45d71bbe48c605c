package main

import (
	"bytes"
	"regexp"
	"strconv"
	"text/template"
	"time"

	"github.com/tidwall/gjson"
)

// Measured is how often a case was done in a second, the best of three spells.
type Measured struct {
	PerSecond float64 `json:"perSecond"`
}

func measure(c Case, spell time.Duration) Measured {
	once := workload(c)
	best := 0.0
	for range 3 {
		count, started := 0, time.Now()
		for time.Since(started) < spell/3 {
			for range 64 {
				once()
			}
			count += 64
		}
		best = max(best, float64(count)/time.Since(started).Seconds())
	}
	return Measured{best}
}

// What a sensor of Argo Events does with an event, library calls only; a "compiled" op does once what it repeats.
func workload(c Case) func() {
	document := []byte(c.JSON)
	switch c.Op {
	case "number-filter":
		wanted, _ := strconv.ParseFloat(c.Value, 64)
		return func() { _ = gjson.ValidBytes(document) && gjson.GetBytes(document, c.Text).Float() >= wanted }
	case "text-filter":
		return func() {
			if gjson.ValidBytes(document) {
				_ = regexp.MustCompile(c.Value).MatchString(gjson.GetBytes(document, c.Text).String())
			}
		}
	case "compiled-text-filter":
		pattern := regexp.MustCompile(c.Value)
		return func() {
			_ = gjson.ValidBytes(document) && pattern.MatchString(gjson.GetBytes(document, c.Text).String())
		}
	case "template":
		return func() {
			render(template.Must(template.New("param").Funcs(templateFunctions).Parse(c.Text)), document)
		}
	case "compiled-template":
		t := template.Must(template.New("param").Funcs(templateFunctions).Parse(c.Text))
		return func() { render(t, document) }
	}
	return func() { _ = gjson.GetBytes(document, c.Text).String() }
}

func render(t *template.Template, document []byte) {
	var out bytes.Buffer
	_ = t.Execute(&out, map[string]any{"Input": gjson.ParseBytes(document).Value()})
}
