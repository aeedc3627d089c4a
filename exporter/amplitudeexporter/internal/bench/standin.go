package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// arrivalTimeout is how long records may take from the collector to a stand-in.
const arrivalTimeout = time.Minute

// standIn takes the place of what an exporter sends to: it answers 200, and counts.
type standIn struct {
	url    string
	server *http.Server
	// marker stands once in each record as the exporter writes it.
	marker []byte
	answer string

	records, bytes atomic.Int64
	// failed is the first body that could not be read.
	failed atomic.Pointer[error]
}

func newStandIn(ctx context.Context, marker, answer string) (*standIn, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &standIn{url: "http://" + listener.Addr().String(), marker: []byte(marker), answer: answer}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: arrivalTimeout}
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var size byteCounter
	records, err := s.recordsIn(r, io.TeeReader(r.Body, &size))
	if err != nil {
		s.failed.CompareAndSwap(nil, &err)
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, s.answer)
	s.bytes.Add(int64(size))
	s.records.Add(int64(records))
}

func (s *standIn) recordsIn(r *http.Request, body io.Reader) (int, error) {
	if r.Header.Get("Content-Encoding") == "gzip" {
		uncompressed, err := gzip.NewReader(body)
		if err != nil {
			return 0, err
		}
		body = uncompressed
	}
	content, err := io.ReadAll(body)
	return bytes.Count(content, s.marker), err
}

// until waits until so many records have come since the stand-in was made.
func (s *standIn) until(ctx context.Context, records int64) error {
	deadline := time.Now().Add(arrivalTimeout)
	for s.records.Load() < records {
		if failed := s.failed.Load(); failed != nil {
			return *failed
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("of %d records, %d have come within %s", records, s.records.Load(), arrivalTimeout)
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

func (s *standIn) close() { _ = s.server.Close() }
