package record

import "go.opentelemetry.io/collector/pdata/plog"

// copiedAttribute marks a resource of whose records the file of rejects has copies, though they are not lost yet.
const copiedAttribute = markPrefix + "copied"

// MarkCopied says that the file of rejects has copies of a resource's records.
func MarkCopied(rl plog.ResourceLogs) {
	rl.Resource().Attributes().PutBool(copiedAttribute, true)
}

// IsCopied reports whether MarkCopied was called for a resource.
func IsCopied(rl plog.ResourceLogs) bool {
	_, marked := rl.Resource().Attributes().Get(copiedAttribute)
	return marked
}
