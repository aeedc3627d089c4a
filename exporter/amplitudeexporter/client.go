package amplitudeexporter

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configmiddleware"
	"go.opentelemetry.io/collector/extension/extensionmiddleware"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/metadata"
)

const (
	// maxAnswerBytes is how much of an answer is read. Amplitude's answer about 2,000 throttled users is shorter.
	maxAnswerBytes = 256 << 10

	// maxRetryAfter bounds the wait that a Retry-After header can ask for.
	maxRetryAfter = time.Hour
)

// client sends requests to Amplitude.
type client struct {
	http      *http.Client
	transport http.RoundTripper
	endpoint  string
	userAgent string
	// shownEndpoint is the endpoint without its user, password and query, which may be secret.
	shownEndpoint string
}

func newClient(ctx context.Context, cfg *confighttp.ClientConfig, host component.Host, set component.TelemetrySettings) (*client, error) {
	// confighttp does not give access to its transport, which is needed to close idle connections. A middleware that
	// changes nothing gets the transport. The last middleware is the innermost.
	c := &client{}
	tap := transportTap{see: func(transport http.RoundTripper) { c.transport = transport }}
	tapID := component.NewIDWithName(metadata.Type, "transport_tap")
	tapped := *cfg
	tapped.Middlewares = append(slices.Clone(cfg.Middlewares), configmiddleware.Config{ID: tapID})
	extensions := maps.Clone(host.GetExtensions())
	if extensions == nil {
		extensions = map[component.ID]component.Component{}
	}
	extensions[tapID] = tap

	var err error
	if c.http, err = tapped.ToClient(ctx, extensions, set); err != nil {
		return nil, err
	}
	// Don't follow redirects: events and key would go to another host. The caller gets the redirect as the answer.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// sendTo sets where requests go, and what they say about who sends them.
func (c *client) sendTo(endpoint, userAgent string) {
	c.endpoint, c.userAgent = endpoint, userAgent
	c.shownEndpoint = "[an endpoint that is no URL]"
	if u, err := url.Parse(endpoint); err == nil {
		u.User, u.RawQuery, u.ForceQuery, u.Fragment = nil, "", false, ""
		c.shownEndpoint = u.String()
	}
}

// transportTap shows the transport that it is asked to wrap.
type transportTap struct {
	component.StartFunc
	component.ShutdownFunc
	see func(http.RoundTripper)
}

func (t transportTap) GetHTTPRoundTripper(context.Context) (extensionmiddleware.WrapHTTPRoundTripperFunc, error) {
	return func(_ context.Context, transport http.RoundTripper) (http.RoundTripper, error) {
		t.see(transport)
		return transport, nil
	}, nil
}

// answer is the response to a request.
type answer struct {
	status int
	body   string
	// isCut is set if the body is incomplete.
	isCut bool
	// retryAfter is how long the server asks to wait; 0 if it does not say.
	retryAfter time.Duration
}

// post sends a request. If reading the answer's body fails, it returns what was read, with isCut set.
func (c *client) post(ctx context.Context, body []byte) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", c.userAgent)
	response, err := c.http.Do(request)
	if err != nil {
		// The error's text would contain the endpoint.
		if inURL := (*url.Error)(nil); errors.As(err, &inURL) {
			err = inURL.Err
		}
		return answer{}, err
	}
	contents, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	_ = response.Body.Close()
	return answer{response.StatusCode, string(contents), err != nil, retryAfter(response.Header, time.Now())}, nil
}

// retryAfter reads a Retry-After header: whole seconds, or a date (RFC 9110, section 10.2.3).
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

func (c *client) closeIdleConnections() {
	if transport, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		transport.CloseIdleConnections()
	}
}
