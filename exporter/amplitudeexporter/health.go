package amplitudeexporter

import (
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
)

// health is the component's status, made of what its parts report: it is OK when all of them are. Safe for concurrent use.
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

// part returns how one more part reports. The Collector has the first error of several.
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
