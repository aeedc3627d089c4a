package amplitudeexporter

import (
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
)

// health combines the status of several parts into the component's status, which is OK if all parts are. Safe for
// concurrent use.
type health struct {
	host component.Host

	mu sync.Mutex
	// failing are the parts that reported an error last.
	failing map[int]bool
	parts   int
}

func newHealth(host component.Host) *health {
	return &health{host: host, failing: map[int]bool{}}
}

// part returns the function with which one more part reports its status. If several parts have errors, the Collector gets
// the first.
func (h *health) part() func(*componentstatus.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.parts++
	part := h.parts
	return func(event *componentstatus.Event) {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.failing, part)
		if len(h.failing) == 0 {
			componentstatus.ReportStatus(h.host, event)
		}
		if event.Status() != componentstatus.StatusOK {
			h.failing[part] = true
		}
	}
}
