package guest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// CoreFile is a file with a core.
type CoreFile struct {
	// Path is relative to the working directory, unless it is absolute.
	Path string
	// SHA256 is the digest that the file has to have, in hex digits; empty = any.
	SHA256 string
}

// Load reads the core. Its faults have the keys file and sha256. There is no core where the file cannot be loaded, or is
// not the one that SHA256 names.
func (f CoreFile) Load() (*Core, []Fault) {
	var faults []Fault
	digest, err := hex.DecodeString(f.SHA256)
	isDigest := err == nil && len(digest) == sha256.Size
	if f.SHA256 != "" && !isDigest {
		faults = append(faults, Fault{"sha256", fmt.Sprintf("is %q: write the SHA-256 of the file as 64 hex digits, or leave it out", f.SHA256)})
	}
	module, err := readModule(f.Path)
	if err != nil {
		return nil, append(faults, Fault{"file", fmt.Sprintf("%q %s", f.Path, err)})
	}
	core, err := loadCore(module)
	if err != nil {
		faults = append(faults, Fault{"file", fmt.Sprintf("%q %s", f.Path, err)})
	} else {
		core.File = f.Path
	}
	if isDigest && (core == nil || !strings.EqualFold(core.SHA256, f.SHA256)) {
		if has := sha256.Sum256(module); !bytes.Equal(has[:], digest) {
			return nil, append(faults, Fault{"sha256", fmt.Sprintf(
				"is %s, and %q has %x: it is another file, or was changed; take the right one, or write the digest of this one",
				f.SHA256, f.Path, has)})
		}
	}
	return core, faults
}

// readModule reads a file that may be a core. An error is to be read behind the name of the file.
func readModule(path string) ([]byte, error) {
	// Before it is opened: opening a pipe would wait for somebody who writes to it.
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, readError(path, err)
	case info.IsDir():
		return nil, errors.New("is a directory: write the path of a core.wasm")
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a regular file: write the path of a core.wasm")
	case info.Size() > maxCoreBytes:
		return nil, tooLarge(info.Size())
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, readError(path, err)
	}
	defer func() { _ = file.Close() }()
	// It may have grown since.
	module, err := io.ReadAll(io.LimitReader(file, maxCoreBytes+1))
	if err != nil {
		return nil, readError(path, err)
	}
	return module, nil
}

func readError(path string, err error) error {
	// Without the path, which is named already.
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		err = pathError.Err
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return errors.New("may not be read by the user that the collector runs as: change its owner or its mode")
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("cannot be read: %w", err)
	case filepath.IsAbs(path):
		return errors.New("does not exist")
	}
	directory, err := os.Getwd()
	if err != nil {
		directory = "unknown"
	}
	return fmt.Errorf("does not exist: a path is relative to the working directory of the collector, which is %q", directory)
}
