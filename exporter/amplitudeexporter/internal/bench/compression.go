package main

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// reportCompression prints what a level of gzip makes of the exporter's bodies of the headline's workload.
func reportCompression(ctx context.Context, out io.Writer, s *shipped, rounds int) error {
	levels := []int{int(configWith().ClientConfig.CompressionParams.Level), gzip.DefaultCompression}
	uncompressed, ofLevels, err := compareLevels(ctx, s, levels, rounds)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\ngzip of bodies of %d events (%d attributes)\tbytes a record\tµs a record\n",
		headline.recordsPerCall, headline.shape.attributes)
	fmt.Fprintf(table, "not compressed\t%.0f\t\n", uncompressed)
	for i, name := range []string{fmt.Sprintf("level %d, the exporter's default", levels[0]), "level 6, gzip's own default"} {
		fmt.Fprintf(table, "%s\t%.0f\t%.2f\n", name, ofLevels[i].bytes, microseconds(ofLevels[i].time))
	}
	return table.Flush()
}

// compareLevels compresses the same bodies at each level, in turns, as confighttp does: with the standard library. All
// numbers are medians.
func compareLevels(ctx context.Context, s *shipped, levels []int, rounds int) (uncompressed float64, ofLevels []spent, err error) {
	compressors := make([]*gzip.Writer, len(levels))
	for i, level := range levels {
		if compressors[i], err = gzip.NewWriterLevel(io.Discard, level); err != nil {
			return 0, nil, err
		}
	}
	g := newGenerator(headline.shape)
	var sizes []float64
	all := make([][]spent, len(levels))
	// The first round fills caches; it does not count.
	for round := range rounds + 1 {
		p, err := s.prepare(ctx, g.logs(headline.recordsPerCall))
		if err != nil {
			return 0, nil, err
		}
		size := 0
		for _, body := range p.bodies {
			size += len(body)
		}
		sizes = append(sizes, float64(size)/float64(headline.recordsPerCall))
		for i, compressor := range compressors {
			c, err := compress(compressor, p.bodies, headline.recordsPerCall)
			if err != nil {
				return 0, nil, err
			}
			if round > 0 {
				all[i] = append(all[i], c)
			}
		}
	}
	for _, ofRounds := range all {
		ofLevels = append(ofLevels, medianSpent(ofRounds))
	}
	return median(sizes), ofLevels, nil
}

func compress(compressor *gzip.Writer, bodies [][]byte, records int) (spent, error) {
	var size byteCounter
	start := time.Now()
	for _, body := range bodies {
		compressor.Reset(&size)
		if _, err := compressor.Write(body); err != nil {
			return spent{}, err
		}
		if err := compressor.Close(); err != nil {
			return spent{}, err
		}
	}
	return spent{time.Since(start) / time.Duration(records), float64(size) / float64(records)}, nil
}
