package record

import (
	"slices"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

// fieldTree is the fields and objects of a plan, as they stand in the event.
type fieldTree struct {
	nodes []fieldNode
	// objectNodes are the indices of the nodes that the plan's objects are within, and objectPaths tell objects apart that
	// stand in different places.
	objectNodes, objectPaths []int
	// paths is how many different places objects stand in.
	paths    int
	together []togetherNodes
	// properties are the fields that are properties.
	properties []propertyNode
}

// propertyNode is a field that is a property. It is within a node of the tree that has nothing else.
type propertyNode struct {
	fieldNode
	// rival is the use of attributes of its name.
	rival int
}

// fieldNode is a field, or an object that fields and members stand in.
type fieldNode struct {
	key string
	// prefix is the key as JSON, with the comma before it and the colon behind it.
	prefix string
	// root is the index of the node that it is within, among those of the tree.
	root int
	// field is the index of the field in the plan; -1 for an object.
	field int
	// sender is the field's index among the senders; -1 for none.
	sender   int
	sources  []fieldSource
	children []fieldNode
	// objectPath is that of the objects that stand here; -1 for none. maxMembers is the most that they have.
	objectPath, maxMembers int
	// isEmptyWithoutMembers says that nothing but members stands here.
	isEmptyWithoutMembers bool
	// together is the index of what the field is together with; -1 for nothing.
	together int
}

// fieldSource is a source of a field with what its alternative says of it.
type fieldSource struct {
	source     guest.SourceCase
	level      guest.Level
	key        string
	conversion *conversion
	consumes   bool
	// isTriedAgain says that a later alternative has the same source.
	isTriedAgain bool
	// root is the index of the node that the field is within.
	root int
	// use is the index of an attribute of the record.
	use int
	// text is the value of a constant, or of an attribute of the scope or resource at hand, as it stands in the event; empty
	// for none. isLeftOut says that there is one, and that it is not acceptable.
	text      []byte
	isLeftOut bool
}

// togetherNodes are fields that an event has together or not at all: the nodes from one to before another.
type togetherNodes struct {
	from, to int
	isWhole  bool
}

func newFieldTree(plan *guest.Plan, writer jsonWriter) *fieldTree {
	t := &fieldTree{}
	for index := range plan.Fields {
		field := &plan.Fields[index]
		leaf := t.leaf(field.Path, plan.PropertiesKey)
		leaf.field = index
		leaf.sender = slices.Index(plan.Senders, uint32(index))
		for _, alternative := range field.Alternatives {
			conversion := newConversion(&alternative.Conversion, writer, len(field.Path))
			for _, source := range alternative.Sources {
				leaf.addSource(source, conversion, alternative.Consumes)
			}
		}
	}
	var paths [][]string
	for _, object := range plan.Objects {
		path := slices.IndexFunc(paths, func(p []string) bool { return slices.Equal(p, object.Path) })
		if path < 0 {
			path = len(paths)
			paths = append(paths, object.Path)
		}
		node := t.at(object.Path)
		node.objectPath = path
		node.maxMembers = max(node.maxMembers, int(object.MaxMembers))
		t.objectNodes = append(t.objectNodes, node.root)
		t.objectPaths = append(t.objectPaths, path)
	}
	t.paths = len(paths)
	for _, object := range plan.Objects {
		node := t.at(object.Path)
		node.isEmptyWithoutMembers = len(node.children) == 0
	}
	for i, together := range plan.Together {
		if len(together.Fields) == 0 {
			continue
		}
		// They follow each other, and none is within another object: so do their nodes.
		from := t.at(plan.Fields[together.Fields[0]].Path).root
		t.together = append(t.together, togetherNodes{from, from + len(together.Fields), together.IsWhole})
		for at := from; at < from+len(together.Fields); at++ {
			t.nodes[at].together = i
		}
	}
	return t
}

// leaf returns the node of a field.
func (t *fieldTree) leaf(path []string, propertiesKey string) *fieldNode {
	if len(path) == 1 || path[0] != propertiesKey {
		return t.at(path)
	}
	root := t.at(path[:1]).root
	t.properties = append(t.properties, propertyNode{fieldNode: newFieldNode(path[1])})
	leaf := &t.properties[len(t.properties)-1].fieldNode
	// As the key of an attribute.
	leaf.prefix = "," + string(appendQuoted(nil, path[1], len(path[1]), false)) + ":"
	leaf.root = root
	return leaf
}

func newFieldNode(key string) fieldNode {
	return fieldNode{key: key, prefix: keyPrefix(key), field: -1, sender: -1, objectPath: -1, together: -1}
}

// at returns the node at the end of a path, and makes those on the way that there are not.
func (t *fieldTree) at(path []string) *fieldNode {
	nodes, root := &t.nodes, -1
	for {
		at := slices.IndexFunc(*nodes, func(n fieldNode) bool { return n.key == path[0] })
		if at < 0 {
			at = len(*nodes)
			*nodes = append(*nodes, newFieldNode(path[0]))
		}
		if root < 0 {
			root = at
		}
		node := &(*nodes)[at]
		node.root = root
		if len(path) == 1 {
			return node
		}
		nodes, path = &node.children, path[1:]
	}
}

func (n *fieldNode) addSource(source guest.Source, conversion *conversion, consumes bool) {
	added := fieldSource{
		source:     source.Case,
		level:      source.Attribute.Level,
		key:        cutKey(source.Attribute.Key, conversion.writer.maxStringLength),
		conversion: conversion,
		consumes:   consumes,
		root:       n.root,
	}
	if source.Case == guest.SourceConstant {
		if text, found := conversion.appendText(nil, source.Constant); found {
			added.text = text
		}
	}
	for i := range n.sources {
		if before := &n.sources[i]; before.source == added.source && before.level == added.level && before.key == added.key {
			before.isTriedAgain = true
		}
	}
	n.sources = append(n.sources, added)
}

// eachSource calls `do` for the sources of all fields.
func (t *fieldTree) eachSource(do func(*fieldSource)) {
	eachSource(t.nodes, do)
	for i := range t.properties {
		eachSource([]fieldNode{t.properties[i].fieldNode}, do)
	}
}

func eachSource(nodes []fieldNode, do func(*fieldSource)) {
	for i := range nodes {
		for j := range nodes[i].sources {
			do(&nodes[i].sources[j])
		}
		eachSource(nodes[i].children, do)
	}
}

// nodeSet is a set of nodes of a tree by their indices.
type nodeSet []uint64

func newNodeSet(nodes int) nodeSet { return make(nodeSet, (nodes+63)/64) }

func (s nodeSet) add(node int) { s[node>>6] |= 1 << (node & 63) }

func (s nodeSet) addAll(others nodeSet) {
	for i := range s {
		s[i] |= others[i]
	}
}
