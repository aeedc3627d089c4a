package record

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/plog"
)

func TestEachYieldsRecordsWithTheirScopeAndResource(t *testing.T) {
	logs := plog.NewLogs()
	for i := range 2 {
		rl := logs.ResourceLogs().AppendEmpty()
		rl.SetSchemaUrl(fmt.Sprint("r", i))
		for j := range 3 {
			sl := rl.ScopeLogs().AppendEmpty()
			sl.SetSchemaUrl(fmt.Sprint("s", j))
			// The second scope has no records.
			for range (j + 1) % 2 {
				sl.LogRecords().AppendEmpty().SetEventName("a")
				sl.LogRecords().AppendEmpty().SetEventName("b")
			}
		}
	}
	var all []string
	for index, at := range Each(logs) {
		all = append(all, fmt.Sprint(index, at.Resource.SchemaUrl(), at.Scope.SchemaUrl(), at.Record.EventName()))
	}
	assert.Equal(t, []string{"0r0s0a", "1r0s0b", "2r0s2a", "3r0s2b", "4r1s0a", "5r1s0b", "6r1s2a", "7r1s2b"}, all)

	for index := range Each(logs) {
		assert.Zero(t, index)
		break
	}
}
