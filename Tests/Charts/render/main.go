// Renders a chart as helm does, for tests on machines without helm.
//
//	render -release NAME -namespace NAMESPACE [-values FILE]... [-kube-version V] [-api-versions A,B] CHART
//
// It knows what the project's charts use: text/template with sprig, include, tpl, required, fail, toYaml, fromYaml and
// their JSON kin, lookup (which finds nothing), .Values, .Release, .Chart, .Capabilities, .Files and .Template; values
// merged as helm merges them and checked against values.schema.json; the kubeVersion of the chart. Subcharts and hooks
// are not known. Every document it prints is YAML without repeated keys, or it fails.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/semver"
	"github.com/Masterminds/sprig"
	"github.com/gobwas/glob"
	"github.com/xeipuuv/gojsonschema"
	"sigs.k8s.io/yaml"
)

type object = map[string]interface{}

type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// Chart is what templates see as .Chart.
type Chart struct {
	APIVersion  string `json:"apiVersion"`
	Name        string `json:"name"`
	Version     string `json:"version"`
	AppVersion  string `json:"appVersion"`
	KubeVersion string `json:"kubeVersion"`
	Description string `json:"description"`
	Type        string `json:"type"`
}

// KubeVersion is what templates see as .Capabilities.KubeVersion.
type KubeVersion struct{ Version, Major, Minor string }

func (v KubeVersion) String() string     { return v.Version }
func (v KubeVersion) GitVersion() string { return v.Version }

// Versions is what templates see as .Capabilities.APIVersions.
type Versions []string

// Has tells whether the API server knows a version, as "policy/v1", or a kind of one, as "policy/v1/PodDisruptionBudget".
func (v Versions) Has(wanted string) bool {
	for _, version := range v {
		if version == wanted {
			return true
		}
	}
	return false
}

// Files is what templates see as .Files: everything of the chart that is not its own.
type Files map[string][]byte

func (f Files) Get(name string) string      { return string(f[name]) }
func (f Files) GetBytes(name string) []byte { return f[name] }
func (f Files) Lines(name string) []string {
	return strings.Split(strings.TrimSuffix(f.Get(name), "\n"), "\n")
}
func (f Files) Glob(pattern string) Files {
	matcher := glob.MustCompile(pattern, '/')
	found := Files{}
	for name, content := range f {
		if matcher.Match(name) {
			found[name] = content
		}
	}
	return found
}

func main() {
	var values list
	release := flag.String("release", "homeostat", "name of the release")
	namespace := flag.String("namespace", "homeostat-system", "namespace of the release")
	version := flag.String("kube-version", "v1.30.0", "version of the API server")
	apis := flag.String("api-versions", "policy/v1", "versions that the API server knows, with commas between")
	flag.Var(&values, "values", "file of values; the last one counts")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	text, err := render(flag.Arg(0), *release, *namespace, *version, strings.Split(*apis, ","), values)
	if err != nil {
		fmt.Fprintln(os.Stderr, "render: "+err.Error())
		os.Exit(1)
	}
	os.Stdout.WriteString(text)
}

func render(folder, release, namespace, version string, apis, valueFiles []string) (string, error) {
	templates, files, err := load(folder)
	if err != nil {
		return "", err
	}
	var chart Chart
	if err := yaml.Unmarshal(files["Chart.yaml"], &chart); err != nil {
		return "", fmt.Errorf("Chart.yaml: %w", err)
	}
	kube, err := kubeVersion(version, chart.KubeVersion)
	if err != nil {
		return "", err
	}
	values, err := mergedValues(files, valueFiles)
	if err != nil {
		return "", err
	}
	visible := Files{}
	for name, content := range files {
		if name != "Chart.yaml" && name != "values.yaml" && name != "values.schema.json" {
			visible[name] = content
		}
	}
	scope := object{
		"Values":  values,
		"Chart":   chart,
		"Files":   visible,
		"Release": object{"Name": release, "Namespace": namespace, "Service": "Helm", "Revision": 1, "IsInstall": true, "IsUpgrade": false},
		"Capabilities": object{
			"KubeVersion": kube,
			"APIVersions": Versions(append([]string{"v1", "apps/v1", "rbac.authorization.k8s.io/v1"}, apis...)),
		},
	}
	return execute(chart.Name, templates, scope)
}

func load(folder string) (templates map[string]string, files Files, err error) {
	templates, files = map[string]string{}, Files{}
	err = filepath.WalkDir(folder, func(place string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(place)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, place)
		if err != nil {
			return err
		}
		switch {
		case strings.HasPrefix(name, "charts/"):
			return errors.New("subcharts are not known")
		case strings.HasPrefix(name, "templates/"):
			templates[name] = string(content)
		default:
			files[name] = content
		}
		return nil
	})
	if err == nil && files["Chart.yaml"] == nil {
		err = fmt.Errorf("%s is not a chart", folder)
	}
	return
}

func kubeVersion(version, constraint string) (KubeVersion, error) {
	parsed, err := semver.NewVersion(version)
	if err != nil {
		return KubeVersion{}, err
	}
	if constraint != "" {
		allowed, err := semver.NewConstraint(constraint)
		if err != nil {
			return KubeVersion{}, fmt.Errorf("kubeVersion: %w", err)
		}
		if !allowed.Check(parsed) {
			return KubeVersion{}, fmt.Errorf("chart requires kubeVersion: %s which is incompatible with Kubernetes %s", constraint, version)
		}
	}
	return KubeVersion{"v" + parsed.String(), fmt.Sprint(parsed.Major()), fmt.Sprint(parsed.Minor())}, nil
}

func mergedValues(files Files, valueFiles []string) (object, error) {
	values := object{}
	if err := yaml.UnmarshalStrict(files["values.yaml"], &values); err != nil {
		return nil, fmt.Errorf("values.yaml: %w", err)
	}
	for _, name := range valueFiles {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		more := object{}
		if err := yaml.UnmarshalStrict(content, &more); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		merge(values, more)
	}
	schema := files["values.schema.json"]
	if schema == nil {
		return values, nil
	}
	result, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(schema), gojsonschema.NewGoLoader(values))
	if err != nil {
		return nil, fmt.Errorf("values.schema.json: %w", err)
	}
	if !result.Valid() {
		var problems []string
		for _, problem := range result.Errors() {
			problems = append(problems, "- "+problem.String())
		}
		return nil, errors.New("values don't meet the specifications of the schema:\n" + strings.Join(problems, "\n"))
	}
	return values, nil
}

// merge lays values over others as helm does: objects member by member, null removes, everything else replaces.
func merge(under, over object) {
	for key, value := range over {
		if value == nil {
			delete(under, key)
			continue
		}
		inner, isObject := value.(object)
		if below, ok := under[key].(object); ok && isObject {
			merge(below, inner)
		} else {
			under[key] = value
		}
	}
}

func execute(chart string, templates map[string]string, scope object) (string, error) {
	// As helm: a value that is not there prints as nothing.
	root := template.New(chart).Option("missingkey=zero")
	root.Funcs(functions(root))
	var names []string
	for name := range templates {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if _, err := root.New(path.Join(chart, name)).Parse(templates[name]); err != nil {
			return "", err
		}
	}
	var out strings.Builder
	for _, name := range names {
		if base := path.Base(name); strings.HasPrefix(base, "_") {
			continue
		}
		full := path.Join(chart, name)
		local := object{"Template": object{"Name": full, "BasePath": path.Join(chart, "templates")}}
		for key, value := range scope {
			local[key] = value
		}
		var buffer bytes.Buffer
		if err := root.ExecuteTemplate(&buffer, full, local); err != nil {
			return "", err
		}
		text := strings.ReplaceAll(buffer.String(), "<no value>", "")
		if path.Base(name) == "NOTES.txt" {
			continue // rendered, so that it can fail, and shown to people alone
		}
		if err := write(&out, full, text); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

var separator = regexp.MustCompile(`(?m)^---[ \t]*$`)

func write(out *strings.Builder, name, text string) error {
	for _, document := range separator.Split(text, -1) {
		var value object
		if err := yaml.UnmarshalStrict([]byte(document), &value); err != nil {
			return fmt.Errorf("%s: %w in\n%s", name, err, document)
		}
		if len(value) == 0 {
			continue
		}
		fmt.Fprintf(out, "---\n# Source: %s\n%s\n", name, strings.Trim(document, "\n"))
	}
	return nil
}

func functions(root *template.Template) template.FuncMap {
	funcs := sprig.TxtFuncMap()
	delete(funcs, "env")
	delete(funcs, "expandenv")
	run := func(t *template.Template, name string, data interface{}) (string, error) {
		var buffer bytes.Buffer
		err := t.ExecuteTemplate(&buffer, name, data)
		return buffer.String(), err
	}
	funcs["include"] = func(name string, data interface{}) (string, error) { return run(root, name, data) }
	funcs["tpl"] = func(text string, data interface{}) (string, error) {
		clone, err := root.Clone()
		if err != nil {
			return "", err
		}
		parsed, err := clone.New("tpl").Parse(text)
		if err != nil {
			return "", err
		}
		return run(parsed, "tpl", data)
	}
	funcs["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, errors.New(message)
		}
		return value, nil
	}
	funcs["fail"] = func(message string) (string, error) { return "", errors.New(message) }
	funcs["lookup"] = func(string, string, string, string) object { return object{} }
	funcs["toYaml"] = func(value interface{}) (string, error) {
		text, err := yaml.Marshal(value)
		return strings.TrimSuffix(string(text), "\n"), err
	}
	funcs["fromYaml"] = func(text string) (object, error) {
		value := object{}
		err := yaml.Unmarshal([]byte(text), &value)
		return value, err
	}
	funcs["fromYamlArray"] = func(text string) ([]interface{}, error) {
		var value []interface{}
		err := yaml.Unmarshal([]byte(text), &value)
		return value, err
	}
	funcs["toJson"] = func(value interface{}) (string, error) {
		text, err := json.Marshal(value)
		return string(text), err
	}
	funcs["fromJson"] = func(text string) (object, error) {
		value := object{}
		err := json.Unmarshal([]byte(text), &value)
		return value, err
	}
	return funcs
}
