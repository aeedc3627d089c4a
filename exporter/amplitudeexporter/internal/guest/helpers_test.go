package guest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// testConfig has the exporter's defaults.
func testConfig() Config {
	return Config{
		APIKeyBytes:             32,
		API:                     "http",
		Region:                  "us",
		Compression:             "gzip",
		UserIDAttribute:         "organisation.id",
		UserIDPrefix:            "org:",
		UserIDOverrideAttribute: "amplitude.user_id",
		DeviceIDAttribute:       "amplitude.device_id",
		SessionIDAttribute:      "amplitude.session_id",
		MinIDLength:             5,
	}
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

// The columns of the plan.
const (
	eventTypeColumn = 0
	identityColumn  = 1
)

// cells are identities, each another one.
func cells(count int) []byte {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, "\t\t\t\t\t\t\"device-%d\"\n", i)
	}
	return []byte(text.String())
}

func decideIdentities(ctx context.Context, i *Instance, cells []byte) (string, error) {
	return i.Decide(ctx, identityColumn, cells)
}
