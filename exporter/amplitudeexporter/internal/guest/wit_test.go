package guest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/engine"
)

// declared are types as a file declares them, by their names in lower case and without hyphens.
type declared map[string]declaredType

// declaredType is a record, or else what has cases: their names, and of each its type; empty for a case without.
type declaredType struct {
	isRecord bool
	names    []string
	types    []string
}

// TestContractIsThatOfWIT compares contract.go with wit/core.wit: the names of fields and cases in their order, and their
// types. The canonical ABI knows no names, so of two fields of one type that are swapped nothing else could tell.
func TestContractIsThatOfWIT(t *testing.T) {
	wit, err := os.ReadFile("../../../../wit/core.wit")
	require.NoError(t, err)
	source, err := os.ReadFile("contract.go")
	require.NoError(t, err)
	want, err := typesOfWIT(string(wit))
	require.NoError(t, err)
	got, err := typesOfGo(string(source))
	require.NoError(t, err)
	for name, of := range want {
		assert.Equal(t, of, got[name], name)
	}
	for name := range got {
		assert.Contains(t, want, name, "%s is not in wit/core.wit", name)
	}
	assert.Contains(t, string(wit), "package flagsmith:amplitude-exporter@"+engine.Contract+";")
}

func TestATypeThatDiffersFromWITIsSeen(t *testing.T) {
	const wit = `
interface types {
  /// A comment; with } and a(b).
  record plan { first-key: string, second: string, api-ms: list<level>, }
  enum level { %record, scope }
  variant source { body, attribute(plan), bounds(f64) }
}`
	const source = `package guest
type Plan struct {
	FirstKey string
	Second   string
	APIMS    []Level
}
type Level uint8
const (
	LevelRecord Level = iota
	LevelScope
)
func (Level) cases() uint8 { return uint8(LevelScope) + 1 }
type Source struct {
	Case SourceCase
	Plan Plan ` + "`case:\"1\"`" + `
	Bounds float64 ` + "`case:\"2\"`" + `
}
type SourceCase uint8
const (
	SourceBody SourceCase = iota
	SourceAttribute
	SourceBounds
)
func (SourceCase) cases() uint8 { return uint8(SourceBounds) + 1 }
`
	want, err := typesOfWIT(wit)
	require.NoError(t, err)
	got, err := typesOfGo(source)
	require.NoError(t, err)
	require.Equal(t, want, got)

	for _, change := range [][2]string{
		{"FirstKey string\n\tSecond   string", "Second string\n\tFirstKey string"},
		{"Second   string", "Second []string"},
		{"Second   string", "Other string"},
		{"Second   string", ""},
		{"APIMS    []Level", "APIMS []Plan"},
		{"LevelRecord Level = iota\n\tLevelScope", "LevelScope Level = iota\n\tLevelRecord"},
		{"uint8(LevelScope) + 1", "uint8(LevelRecord) + 1"},
		{"uint8(LevelScope) + 1", "uint8(LevelScope) + 2"},
		{"\tSourceBody SourceCase = iota\n\tSourceAttribute", "\tSourceAttribute SourceCase = iota\n\tSourceBody"},
		{`case:"1"`, `case:"0"`},
		{"Bounds float64", "Bounds uint32"},
		{"Case SourceCase", "Case LevelCase"},
	} {
		changed := strings.Replace(source, change[0], change[1], 1)
		require.NotEqual(t, source, changed, change[0])
		got, err := typesOfGo(changed)
		if err == nil {
			assert.NotEqual(t, want, got, change[1])
		}
	}
	for _, broken := range []string{"interface types { flags f { a } }", "interface types { record a { b } }", "interface types { record a { b: tuple<u32> } }", "interface types { record a { b: u64 } }", "interface types { enum a { b(u32) } }", "interface other {}"} {
		_, err := typesOfWIT(broken)
		assert.Error(t, err, broken)
	}
}

var (
	witComment  = regexp.MustCompile(`//[^\n]*`)
	witTypes    = regexp.MustCompile(`(?s)interface types \{(.*)\}`)
	witType     = regexp.MustCompile(`(?s)^\s*(record|enum|variant) %?([a-z][a-z0-9-]*) \{(.*?)\}`)
	witField    = regexp.MustCompile(`^%?([a-z][a-z0-9-]*): (\S+)$`)
	witCase     = regexp.MustCompile(`^%?([a-z][a-z0-9-]*)(?:\((\S+)\))?$`)
	witBuiltins = map[string]string{"string": "string", "bool": "bool", "u32": "uint32", "s32": "int32", "u16": "uint16", "f64": "float64"}
)

// typesOfWIT reads the interface `types` of a WIT file, as far as wit/core.wit uses the language.
func typesOfWIT(text string) (declared, error) {
	text = witComment.ReplaceAllString(text, "")
	body := witTypes.FindStringSubmatch(text)
	if body == nil {
		return nil, fmt.Errorf("there is no interface types")
	}
	types := declared{}
	rest := body[1]
	for strings.TrimSpace(rest) != "" {
		found := witType.FindStringSubmatch(rest)
		if found == nil {
			return nil, fmt.Errorf("no type: %.40q", rest)
		}
		rest = rest[len(found[0]):]
		of := declaredType{isRecord: found[1] == "record"}
		for member := range strings.SplitSeq(found[3], ",") {
			if member = strings.TrimSpace(member); member == "" {
				continue
			}
			form := witCase
			if of.isRecord {
				form = witField
			}
			parts := form.FindStringSubmatch(member)
			if parts == nil || found[1] == "enum" && parts[2] != "" {
				return nil, fmt.Errorf("no member of a %s: %q", found[1], member)
			}
			memberType, err := typeOfWIT(parts[2])
			if err != nil {
				return nil, err
			}
			of.names = append(of.names, plainName(parts[1]))
			of.types = append(of.types, memberType)
		}
		types[plainName(found[2])] = of
	}
	return types, nil
}

func typeOfWIT(name string) (string, error) {
	if of, isList := strings.CutPrefix(name, "list<"); isList {
		element, err := typeOfWIT(strings.TrimSuffix(of, ">"))
		return "[]" + element, err
	}
	if builtin := witBuiltins[name]; builtin != "" {
		return builtin, nil
	}
	if strings.ContainsAny(name, "<>") || regexp.MustCompile(`^[usf]\d+$`).MatchString(name) {
		return "", fmt.Errorf("the type %s is not known here", name)
	}
	return plainName(name), nil
}

func plainName(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "-", ""))
}

// typesOfGo reads the types of contract.go.
func typesOfGo(source string) (declared, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "contract.go", source, 0)
	if err != nil {
		return nil, err
	}
	structs, cases := map[string]*ast.StructType{}, map[string][]string{}
	lastCases := map[string]string{}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			caseType := ""
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					// WIT's result, which it declares itself, has a parameter.
					if of, isStruct := spec.Type.(*ast.StructType); isStruct && spec.TypeParams == nil {
						structs[spec.Name.Name] = of
					}
				case *ast.ValueSpec:
					if spec.Type != nil {
						caseType = typeOfGo(spec.Type)
					}
					cases[caseType] = append(cases[caseType], plainName(spec.Names[0].Name))
				}
			}
		case *ast.FuncDecl:
			// func (T) cases() uint8 { return uint8(LastOfT) + 1 }
			sum := d.Body.List[0].(*ast.ReturnStmt).Results[0].(*ast.BinaryExpr)
			if sum.Y.(*ast.BasicLit).Value != "1" {
				return nil, fmt.Errorf("%s does not count its cases", typeOfGo(d.Recv.List[0].Type))
			}
			lastCases[typeOfGo(d.Recv.List[0].Type)] = plainName(sum.X.(*ast.CallExpr).Args[0].(*ast.Ident).Name)
		}
	}
	for name, of := range cases {
		if of[len(of)-1] != lastCases[name] {
			return nil, fmt.Errorf("the last case of %s is %s, not %s", name, of[len(of)-1], lastCases[name])
		}
	}
	types := declared{}
	for name, of := range structs {
		plain := plainName(name)
		if first := of.Fields.List[0]; first.Names[0].Name == "Case" {
			caseType := typeOfGo(first.Type)
			types[plain] = withCases(plain, cases[caseType])
			delete(cases, caseType)
			for _, field := range of.Fields.List[1:] {
				tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("case")
				index, err := strconv.Atoi(tag)
				if err != nil || index >= len(types[plain].types) {
					return nil, fmt.Errorf("%s has no case %s", name, tag)
				}
				types[plain].types[index] = typeOfGo(field.Type)
			}
			continue
		}
		fields := declaredType{isRecord: true}
		for _, field := range of.Fields.List {
			for _, fieldName := range field.Names {
				fields.names = append(fields.names, plainName(fieldName.Name))
				fields.types = append(fields.types, typeOfGo(field.Type))
			}
		}
		types[plain] = fields
	}
	for name, of := range cases {
		types[name] = withCases(name, of)
	}
	return types, nil
}

// withCases has the cases of a type, of which the names may begin with its own.
func withCases(name string, cases []string) declaredType {
	of := declaredType{types: make([]string, len(cases))}
	for _, one := range cases {
		of.names = append(of.names, strings.TrimPrefix(one, name))
	}
	return of
}

func typeOfGo(expression ast.Expr) string {
	switch e := expression.(type) {
	case *ast.ArrayType:
		return "[]" + typeOfGo(e.Elt)
	case *ast.Ident:
		return plainName(e.Name)
	default:
		return fmt.Sprintf("%T", e)
	}
}
