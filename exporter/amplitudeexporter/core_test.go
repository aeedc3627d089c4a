package amplitudeexporter

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// defaultCoreFile is a core of one's own that decides as the default core does.
const defaultCoreFile = "internal/guest/core.wasm"

func digestOf(t *testing.T, file string) string {
	t.Helper()
	contents, err := os.ReadFile(file)
	require.NoError(t, err)
	sum := sha256.Sum256(contents)
	return hex.EncodeToString(sum[:])
}
