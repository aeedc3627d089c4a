package guest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// testConfig has the exporter's defaults.
func testConfig(t testing.TB) Config {
	t.Helper()
	defaults, err := os.ReadFile("../../../core/testing/defaults.json")
	require.NoError(t, err)
	var config Config
	require.NoError(t, json.Unmarshal(defaults, &config))
	return config
}

func newTestPool(t *testing.T, config Config) *Pool {
	t.Helper()
	pool, _, err := NewPool(t.Context(), config, Observer{})
	require.NoError(t, err)
	return pool
}

// newTestInstance is one that is not configured.
func newTestInstance(t *testing.T) *Instance {
	t.Helper()
	core, err := DefaultCore()
	require.NoError(t, err)
	return core.instantiate()
}

// eventType is the index of a decision of the plan.
const eventType = 0

// cells are event names, each another one.
func cells(count int) []byte {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, "\"name-%d\"\n", i)
	}
	return []byte(text.String())
}

func decideNames(ctx context.Context, i *Instance, cells []byte) (string, error) {
	return i.Decide(ctx, eventType, cells)
}
