package amplitudeexporter

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

const (
	// A line of the log has so many event types at the most, and so many keys of each. Others are one more.
	maxShownTypes = 20
	maxShownKeys  = 20
	others        = "others"
	// maxShownName is how many characters a name has in the log.
	maxShownName = 64
	// maxPath is how many keys lead to a value; what differs below is named by those.
	maxPath = 4

	// eventTypeKey is where the name of an event stands.
	eventTypeKey = "event_type"
)

// differences counts what two cores decide otherwise, by event type and key. It has no values.
type differences map[string]map[string]int

// add counts a key of events of a type.
func (d differences) add(eventType, key string) {
	eventType, key = shown(eventType), shown(key)
	if d[eventType] == nil && len(d) >= maxShownTypes {
		eventType = others
	}
	keys := d[eventType]
	if keys == nil {
		keys = map[string]int{}
		d[eventType] = keys
	}
	if keys[key] == 0 && len(keys) >= maxShownKeys {
		key = others
	}
	keys[key]++
}

// String is such as `user.login: event_properties.tier (12), event_type (12); user.logout: skipped (1)`, the most frequent
// keys first.
func (d differences) String() string {
	types := make([]string, 0, len(d))
	for _, eventType := range slices.Sorted(maps.Keys(d)) {
		counts := d[eventType]
		keys := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
			return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
		})
		for i, key := range keys {
			keys[i] = fmt.Sprintf("%s (%d)", key, counts[key])
		}
		types = append(types, eventType+": "+strings.Join(keys, ", "))
	}
	return strings.Join(types, "; ")
}

// shown is a name as it stands in the log.
func shown(name string) string {
	name = strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return unicode.ReplacementChar
	}, name)
	if characters := []rune(name); len(characters) > maxShownName {
		return string(characters[:maxShownName]) + "…"
	}
	return name
}

// differing are the keys by which the values of two events differ, such as event_properties.tier, and the type of the
// first. The order of keys makes no difference.
func differing(event, other []byte) (eventType string, keys []string) {
	a, b := readEvent(event), readEvent(other)
	compare("", a, b, 1, func(key string) { keys = append(keys, key) })
	return typeOf(a), keys
}

func readEvent(event []byte) map[string]any {
	decoder := json.NewDecoder(bytes.NewReader(event))
	decoder.UseNumber()
	var read map[string]any
	// It was written here.
	_ = decoder.Decode(&read)
	return read
}

func typeOf(event map[string]any) string {
	name, _ := event[eventTypeKey].(string)
	return name
}

func compare(path string, a, b map[string]any, depth int, differs func(key string)) {
	for key, value := range a {
		other, has := b[key]
		object, isObject := value.(map[string]any)
		otherObject, areObjects := other.(map[string]any)
		switch {
		case isObject && areObjects && depth < maxPath:
			compare(path+key+".", object, otherObject, depth+1, differs)
		case !has || !reflect.DeepEqual(value, other):
			differs(path + key)
		}
	}
	for key := range b {
		if _, has := a[key]; !has {
			differs(path + key)
		}
	}
}
