// Command licenses lists, as JSON, the licences of all modules that are linked into Go programs: those in the folders
// that it is given, by absolute paths. The command of go-licenses has one program and one platform a run, and recognises
// each text anew: eight runs in place of one.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-licenses/v2/licenses"
	"golang.org/x/tools/go/packages"
)

// A part is what one licence file of a module covers.
type part struct {
	Module  string `json:"module"`
	Version string `json:"version"`
	// Dir is where the module is, File where its licence is within it; empty where none is recognised.
	Dir  string `json:"dir"`
	File string `json:"file"`
	// Licenses are SPDX identifiers, Kinds what each asks for, such as notice.
	Licenses []string `json:"licenses"`
	Kinds    []string `json:"kinds"`
}

func main() {
	platforms := flag.String("platforms", runtime.GOOS+"/"+runtime.GOARCH, "what the programs are built for: GOOS/GOARCH,…")
	flag.Parse()
	programs, err := list(flag.Args(), strings.Split(*platforms, ","))
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(programs)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// list gives the parts of the program in each folder, sorted.
func list(folders, platforms []string) ([][]part, error) {
	classifier, err := licenses.NewClassifier()
	if err != nil {
		return nil, err
	}
	classifier = &remembering{Classifier: classifier}
	programs := make([][]part, len(folders))
	for i, folder := range folders {
		found := map[string]part{}
		for _, platform := range platforms {
			if err := aim(folder, platform); err != nil {
				return nil, err
			}
			if err := add(found, classifier); err != nil {
				return nil, fmt.Errorf("%s for %s: %w", folder, platform, err)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(found)) {
			programs[i] = append(programs[i], found[key])
		}
	}
	return programs, nil
}

// aim has packages looked for in a folder, for a platform: go-licenses is told neither in another way.
func aim(folder, platform string) error {
	goos, goarch, _ := strings.Cut(platform, "/")
	return errors.Join(
		os.Chdir(folder),
		os.Setenv("GOOS", goos),
		os.Setenv("GOARCH", goarch),
		os.Setenv("CGO_ENABLED", "0"),
	)
}

func add(found map[string]part, classifier licenses.Classifier) error {
	modules, own, err := linkedModules()
	if err != nil {
		return err
	}
	libraries, err := licenses.Libraries(context.Background(), classifier, false, own, ".")
	if err != nil {
		return err
	}
	for _, library := range libraries {
		// A library is what one licence file covers; without one it is a single package.
		module := modules[library.Packages[0]]
		p := part{Module: module.Path, Version: module.Version, Dir: module.Dir}
		if library.LicenseFile != "" {
			if p.File, err = filepath.Rel(module.Dir, library.LicenseFile); err != nil {
				return err
			}
		}
		for _, license := range library.Licenses {
			p.Licenses = append(p.Licenses, license.Name)
			p.Kinds = append(p.Kinds, license.Type.String())
		}
		found[p.Module+" "+p.File] = p
	}
	return nil
}

// remembering reads a file once for all platforms: reading is what takes the time.
type remembering struct {
	licenses.Classifier
	known sync.Map
}

func (r *remembering) Identify(path string) ([]licenses.License, error) {
	if known, ok := r.known.Load(path); ok {
		return known.([]licenses.License), nil
	}
	identified, err := r.Classifier.Identify(path)
	if err == nil {
		r.known.Store(path, identified)
	}
	return identified, err
}

// linkedModules gives the module of each package, and the packages that are no one else's work: the program itself,
// and modules that are replaced by a folder.
func linkedModules() (map[string]*packages.Module, []string, error) {
	mode := packages.NeedName | packages.NeedImports | packages.NeedDeps | packages.NeedModule
	roots, err := packages.Load(&packages.Config{Mode: mode}, ".")
	if err != nil {
		return nil, nil, err
	}
	modules := map[string]*packages.Module{}
	var own []string
	packages.Visit(roots, nil, func(p *packages.Package) {
		module := p.Module
		if module == nil {
			return
		}
		if module.Main || module.Replace != nil && module.Replace.Version == "" {
			own = append(own, p.PkgPath)
		}
		if module.Replace != nil {
			module = module.Replace
		}
		modules[p.PkgPath] = module
	})
	return modules, own, nil
}
