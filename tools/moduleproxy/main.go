// Command moduleproxy writes what a module proxy serves for a version of a Go module in a git repository: what someone
// gets who requires it. GOPROXY=file://OUT,… then stands for the proxy.
package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

func main() {
	repository := flag.String("repository", ".", "the root of the git repository")
	folder := flag.String("folder", "", "the module's folder within it")
	revision := flag.String("revision", "HEAD", "the commit that has the version")
	version := flag.String("version", "", "the version, such as v0.1.0")
	out := flag.String("out", "", "the folder that becomes the proxy")
	flag.Parse()
	if err := write(*repository, *folder, *revision, *version, *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(repository, folder, revision, version, out string) error {
	source, err := os.ReadFile(filepath.Join(repository, folder, "go.mod"))
	if err != nil {
		return err
	}
	mod := module.Version{Path: modfile.ModulePath(source), Version: version}

	var archive bytes.Buffer
	if err := modzip.CreateFromVCS(&archive, mod, repository, revision, folder); err != nil {
		return err
	}
	goMod, err := goModOf(archive.Bytes(), mod)
	if err != nil {
		return err
	}
	info, err := json.Marshal(map[string]any{"Version": version, "Time": time.Now().UTC()})
	if err != nil {
		return err
	}

	escaped, err := module.EscapePath(mod.Path)
	if err != nil {
		return err
	}
	dir := filepath.Join(out, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"list":            []byte(version + "\n"),
		version + ".info": info,
		version + ".mod":  goMod,
		version + ".zip":  archive.Bytes(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// goModOf reads go.mod as the revision has it, which need not be as the work tree does.
func goModOf(archive []byte, mod module.Version) ([]byte, error) {
	reader, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, err
	}
	file, err := reader.Open(path.Join(mod.String(), "go.mod"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(file)
}
