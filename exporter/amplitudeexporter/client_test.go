package amplitudeexporter

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
)

func TestARedirectIsNoDelivery(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the API key goes nowhere but to the endpoint")
	}))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			redirecting := httptest.NewServer(http.RedirectHandler(elsewhere.URL, status))
			t.Cleanup(redirecting.Close)
			f := start(t, redirecting.URL, nil)
			err := f.ConsumeLogs(t.Context(), logsNamed("a"))
			assert.True(t, consumererror.IsPermanent(err), "%v", err)
			f.assertOutcomes(t, outcome{"dropped", fmt.Sprintf("status_%d", status), 1})
			assert.Contains(t, f.everythingLogged(), "check endpoint")
		})
	}
}

func TestAnAnswerThatNeverComesIsWaitedForNoLongerThanTheTimeout(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	f := start(t, server.URL, func(cfg *Config) { cfg.ClientConfig.Timeout = 50 * time.Millisecond })
	err := f.ConsumeLogs(t.Context(), logsNamed("a"))
	assert.Equal(t, []string{"a"}, remaining(t, err))
	assert.Equal(t, map[string]int64{"none": 1}, f.requests(t))
}

func TestOfAnAnswerThatIsCutShortTheStatusCounts(t *testing.T) {
	for name, end := range map[string]func(*http.Request){
		"the rest never comes":    func(r *http.Request) { <-r.Context().Done() },
		"the connection is reset": func(*http.Request) { panic(http.ErrAbortHandler) },
	} {
		for status, want := range map[int]outcome{200: {"delivered", "", 1}, 400: {"dropped", "status_400", 1}, 503: {}} {
			t.Run(fmt.Sprintf("%s, %d", name, status), func(t *testing.T) {
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					w.WriteHeader(status)
					_, _ = io.WriteString(w, `{"code":`)
					_ = http.NewResponseController(w).Flush()
					end(r)
				}))
				t.Cleanup(server.Close)
				f := start(t, server.URL, func(cfg *Config) { cfg.ClientConfig.Timeout = 100 * time.Millisecond })
				err := f.ConsumeLogs(t.Context(), logsNamed("a"))
				if want == (outcome{}) {
					assert.Equal(t, []string{"a"}, remaining(t, err))
					return
				}
				f.assertOutcomes(t, want)
			})
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                               0,
		"0":                              0,
		"7":                              7 * time.Second,
		"3600":                           time.Hour,
		"86400":                          time.Hour,
		"99999999999999999999":           0,
		"-7":                             0,
		"1.5":                            0,
		"soon":                           0,
		"Mon, 05 Jan 2026 10:01:30 GMT":  90 * time.Second,
		"Monday, 05-Jan-26 10:01:30 GMT": 90 * time.Second,
		"Mon, 05 Jan 2026 09:59:00 GMT":  0,
		"Fri, 05 Jan 2125 10:00:00 GMT":  time.Hour,
	} {
		header := http.Header{}
		header.Set("Retry-After", value)
		assert.Equal(t, want, retryAfter(header, now), "%q", value)
	}
	assert.Zero(t, retryAfter(http.Header{}, now))
}

func TestRetryAfterIsHonoured(t *testing.T) {
	for _, status := range []int{429, 503, 500, 408, 403} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			requests := make(chan time.Time, 10)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests <- time.Now()
				if len(requests) == 1 {
					w.Header().Set("Retry-After", "1")
					w.WriteHeader(status)
				}
			}))
			t.Cleanup(server.Close)
			f := start(t, server.URL, queued(1))
			require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("a")))
			require.Eventually(t, func() bool { return f.hasDelivered(1) }, 20*time.Second, time.Millisecond)
			first := <-requests
			assert.GreaterOrEqual(t, (<-requests).Sub(first), time.Second)
		})
	}
}

func TestEveryWorkersConnectionIsKept(t *testing.T) {
	transport := func(cfg *Config) *http.Transport {
		c, err := newClient(t.Context(), &cfg.ClientConfig, componenttest.NewNopHost(), componenttest.NewNopTelemetrySettings())
		require.NoError(t, err)
		require.IsType(t, &http.Transport{}, c.transport)
		return c.transport.(*http.Transport)
	}
	byDefault, err := decode(nil)
	require.NoError(t, err)
	assert.Equal(t, 10, transport(byDefault).MaxIdleConnsPerHost)
	assert.Equal(t, 100, transport(byDefault).MaxIdleConns, "the Collector's own default stays")
	assert.Equal(t, 90*time.Second, transport(byDefault).IdleConnTimeout, "the Collector's own default stays")
	assert.False(t, transport(byDefault).DisableKeepAlives)

	written := 0
	for _, key := range maxIdleConnectionsKeys {
		if cfg, err := decode(map[string]any{key: 3}); err == nil {
			written++
			assert.Equal(t, 3, transport(cfg).MaxIdleConnsPerHost, key)
		}
	}
	assert.Positive(t, written, "the Collector has one of these keys")
}

// A connection over which nothing comes any more, as when a firewall has forgotten it: no answer, and no end either.
func TestAConnectionThatWentSilentIsNotUsedAgain(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "HTTP/2.0", r.Proto)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	relay := newRelay(t, server.Listener.Addr().String())
	f := start(t, "https://"+relay.Addr().String(), func(cfg *Config) {
		cfg.ClientConfig.TLS.InsecureSkipVerify = true
		cfg.ClientConfig.HTTP2ReadIdleTimeout = 500 * time.Millisecond
		cfg.ClientConfig.HTTP2PingTimeout = 500 * time.Millisecond
	})
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("a")))
	relay.silence()
	began := time.Now()
	err := f.ConsumeLogs(t.Context(), logsNamed("b"))
	assert.Equal(t, []string{"b"}, remaining(t, err))
	assert.Less(t, time.Since(began), defaultTimeout/2)
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("b")), "over another connection")
}

// relay passes on connections.
type relay struct {
	net.Listener
	mu     sync.Mutex
	open   []net.Conn
	silent []chan struct{}
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &relay{Listener: listener}
	var relaying sync.WaitGroup
	t.Cleanup(relaying.Wait)
	t.Cleanup(func() {
		_ = listener.Close()
		r.mu.Lock()
		defer r.mu.Unlock()
		// A client may leave one open for as long as it keeps idle ones: while a request is being cleared away, it is not idle.
		for _, conn := range r.open {
			_ = conn.Close()
		}
	})
	relaying.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if !assert.NoError(t, err) {
				_ = client.Close()
				return
			}
			silent := make(chan struct{})
			r.mu.Lock()
			r.silent = append(r.silent, silent)
			r.open = append(r.open, client, server)
			r.mu.Unlock()
			relaying.Go(func() { pass(server, client, silent) })
			relaying.Go(func() { pass(client, server, silent) })
		}
	})
	return r
}

// silence has the connections that there are pass on nothing from now on.
func (r *relay) silence() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, silent := range r.silent {
		close(silent)
	}
	r.silent = nil
}

// pass passes on what comes from one side until that ends; once silent it reads it only.
func pass(to, from net.Conn, silent <-chan struct{}) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case <-silent:
		default:
			_, _ = to.Write(buffer[:n])
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}

func TestShutdownClosesIdleConnections(t *testing.T) {
	var mu sync.Mutex
	open := map[net.Conn]http.ConnState{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		if open[conn] = state; state == http.StateClosed {
			delete(open, conn)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	connections := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(open)
	}
	f := start(t, server.URL, nil)
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("a")))
	require.NoError(t, f.ConsumeLogs(t.Context(), logsNamed("b")))
	assert.Equal(t, 1, connections(), "the connection is used again")
	f.stop()
	assert.Eventually(t, func() bool { return connections() == 0 }, 10*time.Second, time.Millisecond)
}

func TestAnEndlessAnswerIsNotReadToItsEnd(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		for {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	err := start(t, server.URL, nil).ConsumeLogs(t.Context(), logsNamed("a"))
	assert.True(t, consumererror.IsPermanent(err), "%v", err)
}

func TestTheEndpointIsShownWithoutItsSecrets(t *testing.T) {
	for endpoint, shown := range map[string]string{
		"https://api2.amplitude.com/2/httpapi":               "https://api2.amplitude.com/2/httpapi",
		"https://user:pass@proxy.internal:8443/in?token=x#y": "https://proxy.internal:8443/in",
		"http://user@127.0.0.1/2/httpapi?":                   "http://127.0.0.1/2/httpapi",
		"http://[no URL":                                     "[an endpoint that is no URL]",
	} {
		var c client
		c.sendTo(endpoint, "")
		assert.Equal(t, shown, c.shownEndpoint)
		assert.Equal(t, endpoint, c.endpoint)
	}
}

func TestAnErrorOfTransportDoesNotShowTheEndpoint(t *testing.T) {
	f := start(t, "http://user:secret@127.0.0.1:1/in?token=secret", nil)
	err := f.ConsumeLogs(t.Context(), logsNamed("a"))
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "secret")
	assert.NotContains(t, f.everythingLogged(), "secret")
}

func TestACertificateThatIsNotTrustedIsNamedWithWhatToCheck(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	f := start(t, server.URL, func(cfg *Config) { cfg.RetryConfig.Enabled = false })
	err := f.Logs.(logsExporter).amplitude.pushLogs(t.Context(), logsNamed("a"))
	assert.ErrorContains(t, err, "certificate signed by unknown authority; check endpoint, and tls.ca_file")
}
