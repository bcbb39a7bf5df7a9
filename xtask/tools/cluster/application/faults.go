package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

// faults is what is wrong with this release. Rates are between 0 and 1, times are Go's (`1.5s`), flags are `true` or `false`.
type faults struct {
	errorRate    float64       // ERROR_RATE: the part of the answers that have status 500.
	latency      time.Duration // LATENCY: how long each answer takes.
	startAfter   time.Duration // START_AFTER: how long until it listens.
	readyAfter   time.Duration // READY_AFTER: how long after its start /ready begins to say yes.
	unreadyAfter time.Duration // UNREADY_AFTER: how long after its start /ready says no for good.
	unready      bool          // UNREADY: /ready says no.
	unhealthy    bool          // UNHEALTHY: /health says no.
	crashAfter   time.Duration // CRASH_AFTER: how long after its start it ends with exit code 1.
	drain        time.Duration // DRAIN: how long it answers on after SIGTERM.
}

var names = []string{
	"ERROR_RATE", "LATENCY", "START_AFTER", "READY_AFTER", "UNREADY_AFTER", "UNREADY", "UNHEALTHY", "CRASH_AFTER", "DRAIN",
}

func faultsFromEnvironment() (*faults, error) {
	read := &faults{}
	for _, name := range names {
		if value := os.Getenv(name); value != "" {
			if err := read.set(name, value); err != nil {
				return nil, err
			}
		}
	}
	return read, nil
}

// change is set for a process that runs: what is read only at its start can have no effect any more, which is said.
func (f *faults) change(name, value string) error {
	if name == "START_AFTER" || name == "CRASH_AFTER" {
		return fmt.Errorf("%s: is read when the process starts", name)
	}
	return f.set(name, value)
}

// set gives one fault its value.
func (f *faults) set(name, value string) error {
	var err error
	switch name {
	case "ERROR_RATE":
		f.errorRate, err = strconv.ParseFloat(value, 64)
		if err == nil && (f.errorRate < 0 || f.errorRate > 1) {
			err = fmt.Errorf("%g is not between 0 and 1", f.errorRate)
		}
	case "LATENCY":
		f.latency, err = time.ParseDuration(value)
	case "START_AFTER":
		f.startAfter, err = time.ParseDuration(value)
	case "READY_AFTER":
		f.readyAfter, err = time.ParseDuration(value)
	case "UNREADY_AFTER":
		f.unreadyAfter, err = time.ParseDuration(value)
	case "UNREADY":
		f.unready, err = strconv.ParseBool(value)
	case "UNHEALTHY":
		f.unhealthy, err = strconv.ParseBool(value)
	case "CRASH_AFTER":
		f.crashAfter, err = time.ParseDuration(value)
	case "DRAIN":
		f.drain, err = time.ParseDuration(value)
	default:
		err = fmt.Errorf("no such fault")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (f *faults) show() map[string]any {
	return map[string]any{
		"ERROR_RATE":    f.errorRate,
		"LATENCY":       f.latency.String(),
		"START_AFTER":   f.startAfter.String(),
		"READY_AFTER":   f.readyAfter.String(),
		"UNREADY_AFTER": f.unreadyAfter.String(),
		"UNREADY":       f.unready,
		"UNHEALTHY":     f.unhealthy,
		"CRASH_AFTER":   f.crashAfter.String(),
		"DRAIN":         f.drain.String(),
	}
}

func duration(name string, otherwise time.Duration) (time.Duration, error) {
	value := os.Getenv(name)
	if value == "" {
		return otherwise, nil
	}
	read, err := time.ParseDuration(value)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return read, nil
}
