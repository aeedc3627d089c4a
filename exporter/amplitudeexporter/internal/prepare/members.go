package prepare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/record"
)

// members are members of a JSON object, as text without its braces.
type members struct {
	text string
	// filter rules out most keys that are none of them.
	filter record.Filter
}

var errMembers = errors.New("they are not the members of a JSON object")

// readMembers checks members of which no key may come twice, nor be `reserved`. An error does not quote them. `each` is
// called for each key.
func readMembers(text, reserved string, each func(key string)) (members, error) {
	read := members{text: text}
	if text == "" {
		return read, nil
	}
	seen := map[string]bool{}
	err := eachMember(text, func(key, _ string) error {
		switch {
		case seen[key]:
			return errors.New("a key comes twice")
		case reserved != "" && key == reserved:
			return fmt.Errorf("%q is one of them", reserved)
		}
		seen[key] = true
		read.filter.Add(key)
		each(key)
		return nil
	})
	if err == nil && len(seen) == 0 {
		err = errMembers
	}
	return read, err
}

// eachMember calls `do` for each member, with its key and its text.
func eachMember(text string, do func(key, member string) error) error {
	object := "{" + text + "}"
	decoder := json.NewDecoder(strings.NewReader(object))
	if _, err := decoder.Token(); err != nil {
		return errMembers
	}
	end := decoder.InputOffset()
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return errMembers
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return errMembers
		}
		start := end
		end = decoder.InputOffset()
		name, isName := key.(string)
		if !isName {
			return errMembers
		}
		if err := do(name, strings.TrimLeft(object[start:end], ", ")); err != nil {
			return err
		}
	}
	if _, err := decoder.Token(); err != nil {
		return errMembers
	}
	// Braces in the text could close the object and open another.
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errMembers
	}
	return nil
}

// joined writes members of which several may have the same key: the first one counts.
type joined struct {
	text []byte
	keys map[string]bool
}

func (j *joined) add(text string) {
	if text == "" {
		return
	}
	if j.keys == nil {
		j.keys = map[string]bool{}
	}
	// All of it was checked or written here.
	_ = eachMember(text, func(key, member string) error {
		if !j.keys[key] {
			j.keys[key] = true
			j.text = append(append(j.text, ','), member...)
		}
		return nil
	})
}

// appendTo adds the members to an object that is open.
func (j *joined) appendTo(b []byte) []byte {
	text := j.text
	if len(text) > 0 && b[len(b)-1] == '{' {
		text = text[1:]
	}
	return append(b, text...)
}
