// Checks files of infrastructure as their own tools read them, without their providers and engines:
//
//	infra terraform DIR    syntax, and that every variable, resource and data source that is spoken of is there
//	infra compose FILE     what `docker compose config --quiet` checks
//
// Prints each fault on a line of its own; exit code 1 when there is one.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: infra terraform DIR | infra compose FILE")
		os.Exit(2)
	}
	checks := map[string]func(string) []string{"terraform": terraform, "compose": compose}
	check, known := checks[os.Args[1]]
	if !known {
		fmt.Fprintln(os.Stderr, "unknown: "+os.Args[1])
		os.Exit(2)
	}
	faults := check(os.Args[2])
	for _, fault := range faults {
		fmt.Println(fault)
	}
	if len(faults) > 0 {
		os.Exit(1)
	}
}

func compose(file string) []string {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithOsEnv, cli.WithInterpolation(true))
	if err == nil {
		_, err = options.LoadProject(context.Background())
	}
	if err != nil {
		return []string{err.Error()}
	}
	return nil
}

func terraform(folder string) []string {
	files, err := filepath.Glob(filepath.Join(folder, "*.tf"))
	if err != nil || len(files) == 0 {
		return []string{"no .tf file in " + folder}
	}
	parser := hclparse.NewParser()
	var faults []string
	told := func(diagnostics hcl.Diagnostics) {
		for _, one := range diagnostics {
			faults = append(faults, one.Error())
		}
	}
	var bodies []*hclsyntax.Body
	for _, file := range files {
		parsed, diagnostics := parser.ParseHCLFile(file)
		told(diagnostics)
		if parsed != nil {
			bodies = append(bodies, parsed.Body.(*hclsyntax.Body))
		}
	}
	declared := map[string]bool{}
	for _, body := range bodies {
		for _, block := range body.Blocks {
			declare(declared, block)
		}
	}
	for _, body := range bodies {
		told(hclsyntax.VisitAll(body, func(node hclsyntax.Node) hcl.Diagnostics {
			traversal, is := node.(*hclsyntax.ScopeTraversalExpr)
			if !is {
				return nil
			}
			return unknown(declared, traversal.Traversal)
		}))
	}
	return faults
}

func declare(declared map[string]bool, block *hclsyntax.Block) {
	switch block.Type {
	case "variable":
		declared["var."+block.Labels[0]] = true
	case "resource":
		declared[block.Labels[0]+"."+block.Labels[1]] = true
	case "data":
		declared["data."+block.Labels[0]+"."+block.Labels[1]] = true
	case "locals":
		for name := range block.Body.Attributes {
			declared["local."+name] = true
		}
	}
}

// Names that Terraform itself gives a meaning to.
var roots = map[string]bool{"each": true, "count": true, "path": true, "self": true, "terraform": true}

// Keywords of a variable's type, which are no references.
var types = map[string]bool{"string": true, "number": true, "bool": true, "any": true}

func unknown(declared map[string]bool, traversal hcl.Traversal) hcl.Diagnostics {
	root := traversal.RootName()
	if roots[root] || (types[root] && len(traversal) == 1) {
		return nil
	}
	length := 2
	if root == "data" {
		length = 3
	}
	name := root
	for at := 1; at < length && at < len(traversal); at++ {
		if attribute, is := traversal[at].(hcl.TraverseAttr); is {
			name += "." + attribute.Name
		}
	}
	if declared[name] {
		return nil
	}
	where := traversal.SourceRange()
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Unknown reference", Detail: name, Subject: &where}}
}
