package guest

import (
	"strconv"
	"strings"
)

// String names a decision by its sources, such as `decision on event name, attribute "event.name"`.
func (d *Decision) String() string {
	names := make([]string, len(d.Sources))
	for i := range d.Sources {
		names[i] = d.Sources[i].String()
	}
	if len(names) == 0 {
		return "decision on nothing"
	}
	return "decision on " + strings.Join(names, ", ")
}

// String names a source that a decision may have.
func (s *Source) String() string {
	switch s.Case {
	case SourceEventName:
		return "event name"
	case SourceBody:
		return "body"
	case SourceAttribute:
		level := [...]string{LevelRecord: "", LevelScope: "scope ", LevelResource: "resource "}[s.Attribute.Level]
		return level + "attribute " + strconv.Quote(s.Attribute.Key)
	case SourceTimeMS, SourceDigest, SourceConstant:
	}
	// No decision has one.
	return "other"
}
