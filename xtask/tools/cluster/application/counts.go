package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// bounds are the upper bounds of the histogram in seconds; those that prometheus_client has by default.
var bounds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// counts is what /metrics says, with the names and labels of the backend: status by its class, seconds as a histogram.
type counts struct {
	mutex   sync.Mutex
	byClass map[string]uint64
	buckets []uint64
	sum     float64
	total   uint64
}

func newCounts() *counts {
	// Both are there from the start: a series that appears later would look like a restart.
	return &counts{byClass: map[string]uint64{"2xx": 0, "5xx": 0}, buckets: make([]uint64, len(bounds))}
}

func (c *counts) add(status int, took time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.byClass[fmt.Sprintf("%dxx", status/100)]++
	for i, bound := range bounds {
		if took.Seconds() <= bound {
			c.buckets[i]++
		}
	}
	c.sum += took.Seconds()
	c.total++
}

// text is the text format of Prometheus, version 0.0.4.
func (c *counts) text(started time.Time) string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var text strings.Builder
	text.WriteString("# TYPE http_requests_total counter\n")
	for _, class := range sorted(c.byClass) {
		fmt.Fprintf(&text, "http_requests_total{handler=\"/\",method=\"GET\",status=%q} %d\n", class, c.byClass[class])
	}
	text.WriteString("# TYPE http_request_duration_seconds histogram\n")
	for i, bound := range bounds {
		fmt.Fprintf(&text, "http_request_duration_seconds_bucket{handler=\"/\",le=\"%g\"} %d\n", bound, c.buckets[i])
	}
	fmt.Fprintf(&text, "http_request_duration_seconds_bucket{handler=\"/\",le=\"+Inf\"} %d\n", c.total)
	fmt.Fprintf(&text, "http_request_duration_seconds_sum{handler=\"/\"} %g\n", c.sum)
	fmt.Fprintf(&text, "http_request_duration_seconds_count{handler=\"/\"} %d\n", c.total)
	text.WriteString("# TYPE process_start_time_seconds gauge\n")
	fmt.Fprintf(&text, "process_start_time_seconds %.2f\n", float64(started.UnixMilli())/1000)
	return text.String()
}

func sorted(classes map[string]uint64) []string {
	var keys []string
	for key := range classes {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
