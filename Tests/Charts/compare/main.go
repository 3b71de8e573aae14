// Tells whether two files of Kubernetes objects say the same: the chart and the kustomize base install one operator.
//
//	compare A B
//
// Labels, annotations and selectors differ by nature and are not looked at, nor are Namespaces, which no chart makes.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"sort"

	"sigs.k8s.io/yaml"
)

var separator = regexp.MustCompile(`(?m)^---[ \t]*$`)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: compare A B")
		os.Exit(2)
	}
	a, b := objects(os.Args[1]), objects(os.Args[2])
	var names []string
	for name := range a {
		names = append(names, name)
	}
	for name := range b {
		if _, both := a[name]; !both {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	same := len(names) > 0
	for _, name := range names {
		if a[name] != b[name] {
			fmt.Printf("%s differs:\n  %s\n  %s\n", name, a[name], b[name])
			same = false
		}
	}
	if !same {
		os.Exit(1)
	}
}

// objects reads a file: the name of each object, and the object as JSON, whose members are sorted.
func objects(file string) map[string]string {
	content, err := os.ReadFile(file)
	check(err)
	found := map[string]string{}
	for _, document := range separator.Split(string(content), -1) {
		value := map[string]interface{}{}
		check(yaml.Unmarshal([]byte(document), &value))
		if len(value) == 0 || value["kind"] == "Namespace" {
			continue
		}
		metadata, _ := value["metadata"].(map[string]interface{})
		strip(value)
		text, err := json.Marshal(value)
		check(err)
		found[fmt.Sprint(value["kind"], " ", metadata["name"])] = string(text)
	}
	return found
}

func strip(value interface{}) {
	switch value := value.(type) {
	case map[string]interface{}:
		for _, key := range []string{"labels", "annotations", "selector", "podSelector", "labelSelector"} {
			delete(value, key)
		}
		for _, inner := range value {
			strip(inner)
		}
	case []interface{}:
		for _, inner := range value {
			strip(inner)
		}
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare: "+err.Error())
		os.Exit(2)
	}
}
