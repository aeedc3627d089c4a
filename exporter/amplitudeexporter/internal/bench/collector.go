package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"time"
)

const (
	// Far more than a slow machine needs; a collector that hangs is to be found.
	startTimeout = 2 * time.Minute
	// listeningCheck is how often it is tried whether a collector listens: a start is measured to that.
	listeningCheck = time.Millisecond
)

// component is an exporter of a collector: its name, and its part of the config.
type component struct {
	name   string
	config map[string]any
}

// collector is the built one as a process of its own, with one pipeline for logs: OTLP over HTTP in, one exporter out.
type collector struct {
	command *exec.Cmd
	// logsURL takes OTLP.
	logsURL string
	// listening is how long after its start it began to listen.
	listening time.Duration
	logged    *tail
	ended     chan struct{}
}

// startCollector returns as soon as the collector listens: its receiver is what it starts last.
func startCollector(ctx context.Context, binary string, exporter component) (*collector, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	config, err := collectorConfig(ctx, address, exporter)
	if err != nil {
		return nil, err
	}
	c := &collector{
		command: exec.CommandContext(ctx, binary, "--config=yaml:"+config),
		logsURL: "http://" + address + "/v1/logs",
		logged:  &tail{},
		ended:   make(chan struct{}),
	}
	c.command.Stdout, c.command.Stderr = c.logged, c.logged
	start := time.Now()
	if err := c.command.Start(); err != nil {
		return nil, fmt.Errorf("the collector does not start: run make collector, which builds it: %w", err)
	}
	go func() {
		_ = c.command.Wait()
		close(c.ended)
	}()
	if err := c.untilListening(ctx, address, start); err != nil {
		c.kill()
		return nil, fmt.Errorf("the collector with %s: %w\n%s", exporter.name, err, c.logged)
	}
	return c, nil
}

// collectorConfig is JSON, which is YAML. Its metrics are on, as they are in use, at a port of their own.
func collectorConfig(ctx context.Context, address string, exporter component) (string, error) {
	metrics, err := freeAddress(ctx)
	if err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(metrics)
	if err != nil {
		return "", err
	}
	type object = map[string]any
	config, err := json.Marshal(object{
		"receivers": object{"otlp": object{"protocols": object{"http": object{"endpoint": address}}}},
		"exporters": object{exporter.name: exporter.config},
		"service": object{
			"telemetry": object{"metrics": object{"readers": []object{{
				"pull": object{"exporter": object{"prometheus": object{"host": host, "port": json.Number(port)}}},
			}}}},
			"pipelines": object{"logs": object{"receivers": []string{"otlp"}, "exporters": []string{exporter.name}}},
		},
	})
	return string(config), err
}

func (c *collector) untilListening(ctx context.Context, address string, start time.Time) error {
	var dialer net.Dialer
	for time.Since(start) < startTimeout {
		connection, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			c.listening = time.Since(start)
			return connection.Close()
		}
		select {
		case <-c.ended:
			return errors.New("ended")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(listeningCheck):
		}
	}
	return fmt.Errorf("did not listen within %s", startTimeout)
}

// kill ends it where it stands. Nothing is asked of it after that.
func (c *collector) kill() {
	_ = c.command.Process.Kill()
	<-c.ended
}

// post sends an OTLP request in protobuf.
func (c *collector) post(ctx context.Context, client *http.Client, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.logsURL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, c.logged)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the collector answered %s\n%s", response.Status, c.logged)
	}
	return nil
}

// freeAddress is one of 127.0.0.1 on which nothing listens. Its port is below those that systems give to clients, of which
// one can be taken between the asking and the use.
func freeAddress(ctx context.Context) (string, error) {
	var (
		config net.ListenConfig
		err    error
	)
	for range 100 {
		var listener net.Listener
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		if listener, err = config.Listen(ctx, "tcp", address); err == nil {
			return address, listener.Close()
		}
	}
	return "", fmt.Errorf("there is no free port: %w", err)
}

// tail is the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 4_096

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-tailBytes):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
