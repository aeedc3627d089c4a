package guest

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"sync"
	"unicode/utf8"
)

// The canonical ABI of the component model, as far as wit/core.wit needs it: how a value lies in linear memory.
// https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md
//
// A Go struct stands for a record. A struct of which fields carry a `case` tag stands for a variant (or a result): its
// first field is the discriminant, and the tagged field of the case that it names is the payload.

// memory is what lifting needs of an instance's linear memory; an Instance has it.
type memory interface {
	Read(offset, byteCount uint32) ([]byte, bool)
}

// What a guest that breaks the contract can make the host allocate: lists of a bounded length and, since any number of
// strings and lists may point at the same bytes, a bounded number of bytes in all.
const (
	maxListLength  = 1 << 16
	maxLiftedBytes = 16 << 20
)

// bounded is a memory of which only so many bytes can be read.
type bounded struct {
	memory
	left uint32
}

func (b *bounded) Read(offset, byteCount uint32) ([]byte, bool) {
	if byteCount > b.left {
		return nil, false
	}
	b.left -= byteCount
	return b.memory.Read(offset, byteCount)
}

// enum is a type of which only so many values have a meaning.
type enum interface{ cases() uint8 }

type layout struct{ size, align uint32 }

func layoutOf(t reflect.Type) layout {
	switch t.Kind() {
	case reflect.Bool, reflect.Uint8:
		return layout{1, 1}
	case reflect.Uint32, reflect.Int32:
		return layout{4, 4}
	case reflect.String, reflect.Slice:
		return layout{8, 4}
	case reflect.Float64:
		return layout{8, 8}
	case reflect.Struct:
		return structLayoutOf(t).layout
	default:
		panic(fmt.Sprintf("guest: the contract has no type %s", t))
	}
}

// structLayout is the layout of a struct.
type structLayout struct {
	layout
	offsets []uint32
	// cases are those that fields are the payload of; -1 for a field that is there in any case.
	cases []int
}

// structLayouts has the layout of each struct of the contract: to work it out takes ten times as long as to use it.
var structLayouts sync.Map // of *structLayout, by reflect.Type

func structLayoutOf(t reflect.Type) *structLayout {
	if known, ok := structLayouts.Load(t); ok {
		return known.(*structLayout)
	}
	s := &structLayout{layout: layout{0, 1}}
	payloadAlign := uint32(1)
	for i := range t.NumField() {
		payload := -1
		if tag, isPayload := t.Field(i).Tag.Lookup("case"); isPayload {
			payload, _ = strconv.Atoi(tag)
			payloadAlign = max(payloadAlign, layoutOf(t.Field(i).Type).align)
		}
		s.cases = append(s.cases, payload)
	}
	end := uint32(0)
	for i, payload := range s.cases {
		field := layoutOf(t.Field(i).Type)
		offset := alignTo(end, field.align)
		if payload >= 0 {
			// All payloads begin behind the discriminant, where the one with the largest alignment can.
			offset = alignTo(layoutOf(t.Field(0).Type).size, payloadAlign)
		} else {
			end = offset + field.size
		}
		s.offsets = append(s.offsets, offset)
		s.size = max(s.size, offset+field.size)
		s.align = max(s.align, field.align)
	}
	s.size = alignTo(s.size, s.align)
	structLayouts.Store(t, s)
	return s
}

func alignTo(offset, align uint32) uint32 {
	return (offset + align - 1) &^ (align - 1)
}

// lift reads a T that a guest has written. Whatever the memory holds, it returns a T or an error.
func lift[T any](mem memory, pointer uint32) (T, error) {
	var value T
	err := load(&bounded{mem, maxLiftedBytes}, pointer, reflect.ValueOf(&value).Elem())
	return value, err
}

func load(mem memory, pointer uint32, into reflect.Value) error {
	t := into.Type()
	bytes, ok := mem.Read(pointer, layoutOf(t).size)
	if !ok {
		return fmt.Errorf("a %s at %d is outside the guest's memory, or more than can be lifted", t, pointer)
	}
	switch t.Kind() {
	case reflect.Bool:
		into.SetBool(bytes[0] != 0)
	case reflect.Uint8:
		if e, ok := into.Interface().(enum); ok && bytes[0] >= e.cases() {
			return fmt.Errorf("a %s at %d has the case %d, of %d", t, pointer, bytes[0], e.cases())
		}
		into.SetUint(uint64(bytes[0]))
	case reflect.Uint32:
		into.SetUint(uint64(binary.LittleEndian.Uint32(bytes)))
	case reflect.Float64:
		into.SetFloat(math.Float64frombits(binary.LittleEndian.Uint64(bytes)))
	case reflect.String:
		contents, ok := mem.Read(binary.LittleEndian.Uint32(bytes), binary.LittleEndian.Uint32(bytes[4:]))
		if !ok {
			return fmt.Errorf("the text of a string at %d is outside the guest's memory, or more than can be lifted", pointer)
		}
		if !utf8.Valid(contents) {
			return fmt.Errorf("the text of a string at %d is not UTF-8", pointer)
		}
		into.SetString(string(contents))
	case reflect.Slice:
		return loadList(mem, binary.LittleEndian.Uint32(bytes), binary.LittleEndian.Uint32(bytes[4:]), into)
	case reflect.Struct:
		return loadStruct(mem, pointer, into)
	default:
		panic(fmt.Sprintf("guest: the contract has no type %s", t))
	}
	return nil
}

func loadList(mem memory, pointer, length uint32, into reflect.Value) error {
	element := into.Type().Elem()
	size := layoutOf(element).size
	if length > maxListLength {
		return fmt.Errorf("a list of %d at %d is longer than %d", length, pointer, maxListLength)
	}
	if _, ok := mem.Read(pointer, length*size); !ok {
		return fmt.Errorf("a list of %d at %d is outside the guest's memory, or more than can be lifted", length, pointer)
	}
	list := reflect.MakeSlice(into.Type(), int(length), int(length))
	for i := range length {
		if err := load(mem, pointer+i*size, list.Index(int(i))); err != nil {
			return err
		}
	}
	into.Set(list)
	return nil
}

func loadStruct(mem memory, pointer uint32, into reflect.Value) error {
	layout := structLayoutOf(into.Type())
	for i, payload := range layout.cases {
		if payload >= 0 && uint64(payload) != into.Field(0).Uint() {
			continue
		}
		if err := load(mem, pointer+layout.offsets[i], into.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

// allocator gives room in a guest's memory.
type allocator interface {
	allocate(size, align uint32) (uint32, error)
	write(pointer uint32, bytes []byte) error
}

// lower writes a value to fresh room in a guest's memory and returns where.
func lower(guest allocator, value any) (uint32, error) {
	v := reflect.ValueOf(value)
	size := layoutOf(v.Type())
	pointer, err := guest.allocate(size.size, size.align)
	if err != nil {
		return 0, err
	}
	image := make([]byte, size.size)
	if err := store(guest, image, v); err != nil {
		return 0, err
	}
	return pointer, guest.write(pointer, image)
}

// store writes a value into its image; what the value points to goes to the guest's memory.
func store(guest allocator, image []byte, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Uint32:
		binary.LittleEndian.PutUint32(image, uint32(v.Uint()))
	case reflect.Int32:
		binary.LittleEndian.PutUint32(image, uint32(v.Int()))
	case reflect.Float64:
		binary.LittleEndian.PutUint64(image, math.Float64bits(v.Float()))
	case reflect.String:
		pointer, err := lowerBytes(guest, []byte(v.String()), 1)
		if err != nil {
			return err
		}
		putPair(image, pointer, v.Len())
	case reflect.Slice:
		pointer, err := lowerList(guest, v)
		if err != nil {
			return err
		}
		putPair(image, pointer, v.Len())
	case reflect.Struct:
		for i, offset := range structLayoutOf(v.Type()).offsets {
			if err := store(guest, image[offset:], v.Field(i)); err != nil {
				return err
			}
		}
	default:
		panic(fmt.Sprintf("guest: the contract sends no type %s", v.Type()))
	}
	return nil
}

func lowerList(guest allocator, list reflect.Value) (uint32, error) {
	if numbers, are := list.Interface().([]uint32); are {
		return lowerNumbers(guest, numbers)
	}
	element := layoutOf(list.Type().Elem())
	elements := make([]byte, list.Len()*int(element.size))
	for i := range list.Len() {
		if err := store(guest, elements[i*int(element.size):], list.Index(i)); err != nil {
			return 0, err
		}
	}
	return lowerBytes(guest, elements, element.align)
}

// lowerNumbers is lowerList without reflection: each record passes here, as a size.
func lowerNumbers(guest allocator, numbers []uint32) (uint32, error) {
	bytes := make([]byte, 0, 4*len(numbers))
	for _, number := range numbers {
		bytes = binary.LittleEndian.AppendUint32(bytes, number)
	}
	return lowerBytes(guest, bytes, 4)
}

func lowerBytes(guest allocator, bytes []byte, align uint32) (uint32, error) {
	pointer, err := guest.allocate(uint32(len(bytes)), align)
	if err != nil {
		return 0, err
	}
	return pointer, guest.write(pointer, bytes)
}

func putPair(image []byte, pointer uint32, length int) {
	binary.LittleEndian.PutUint32(image, pointer)
	binary.LittleEndian.PutUint32(image[4:], uint32(length))
}
