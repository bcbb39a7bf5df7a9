// Command application is what the tests deploy: a small HTTP service that can be told to be a bad release.
//
// It answers on /health and /ready, says what it did on /metrics, and gives its version on every other path. What is wrong
// with it comes from its environment (see faults.go) or, while it runs, from `POST /faults?error-rate=0.1`.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// shutdownMax is how long requests under way may take once the process was told to end; Kubernetes kills after 30 s.
const shutdownMax = 20 * time.Second

// service is one running process of the application.
type service struct {
	version string
	started time.Time
	faults  atomic.Pointer[faults]
	counts  *counts
	// ending is set by SIGTERM: not ready any more, but still answering what comes.
	ending atomic.Bool
}

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	if len(os.Args) > 1 && os.Args[1] == "migrate" {
		return migrate()
	}
	faults, err := faultsFromEnvironment()
	if err != nil {
		return err
	}
	service := &service{version: environment("VERSION", "unknown"), started: time.Now(), counts: newCounts()}
	service.faults.Store(faults)

	ended, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if faults.crashAfter > 0 {
		time.AfterFunc(faults.crashAfter, func() { log.Fatalf("crashed after %s, as CRASH_AFTER says", faults.crashAfter) })
	}
	// Before it has started it does not listen, as a real service that is still reading its data.
	select {
	case <-time.After(faults.startAfter):
	case <-ended.Done():
		return nil
	}

	address := net.JoinHostPort("", environment("PORT", "8000"))
	server := &http.Server{Addr: address, Handler: service.routes(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	log.Printf("version %s listens on %s", service.version, address)
	select {
	case err := <-failed:
		return err
	case <-ended.Done():
	}

	// Endpoints are taken out while this runs: requests that were on the way are still answered.
	service.ending.Store(true)
	time.Sleep(service.faults.Load().drain)
	log.Printf("ends")
	limit, cancel := context.WithTimeout(context.Background(), shutdownMax)
	defer cancel()
	if err := server.Shutdown(limit); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// migrate is what a Job runs with this image: it takes MIGRATION_TAKES, and fails where MIGRATION_FAILS is set.
func migrate() error {
	takes, err := duration("MIGRATION_TAKES", 0)
	if err != nil {
		return err
	}
	time.Sleep(takes)
	if os.Getenv("MIGRATION_FAILS") != "" {
		return errors.New("the migration failed: relation \"items\" already exists")
	}
	log.Printf("migrated")
	return nil
}

func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", s.health)
	mux.HandleFunc("GET /ready", s.ready)
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET /faults", s.showFaults)
	mux.HandleFunc("POST /faults", s.changeFaults)
	mux.HandleFunc("/", s.answer)
	return mux
}

func (s *service) health(writer http.ResponseWriter, _ *http.Request) {
	if s.faults.Load().unhealthy {
		reply(writer, http.StatusInternalServerError, map[string]any{"status": "error", "version": s.version})
		return
	}
	reply(writer, http.StatusOK, map[string]any{"status": "ok", "version": s.version})
}

func (s *service) ready(writer http.ResponseWriter, _ *http.Request) {
	faults := s.faults.Load()
	lost := faults.unreadyAfter > 0 && time.Since(s.started) >= faults.unreadyAfter
	early := time.Since(s.started) < faults.readyAfter
	if s.ending.Load() || faults.unready || lost || early {
		reply(writer, http.StatusServiceUnavailable, map[string]any{"status": "not ready", "version": s.version})
		return
	}
	reply(writer, http.StatusOK, map[string]any{"status": "ready", "version": s.version})
}

func (s *service) metrics(writer http.ResponseWriter, _ *http.Request) {
	writer.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	fmt.Fprint(writer, s.counts.text(s.started))
}

func (s *service) showFaults(writer http.ResponseWriter, _ *http.Request) {
	reply(writer, http.StatusOK, s.faults.Load().show())
}

// changeFaults takes the names of the environment in lower case with hyphens; what is not named stays as it is.
func (s *service) changeFaults(writer http.ResponseWriter, request *http.Request) {
	changed := *s.faults.Load()
	for name, values := range request.URL.Query() {
		if err := changed.change(strings.ToUpper(strings.ReplaceAll(name, "-", "_")), values[0]); err != nil {
			reply(writer, http.StatusBadRequest, map[string]any{"error": err.Error()})
			return
		}
	}
	s.faults.Store(&changed)
	reply(writer, http.StatusOK, changed.show())
}

// answer is the service that users see.
func (s *service) answer(writer http.ResponseWriter, _ *http.Request) {
	begun := time.Now()
	faults := s.faults.Load()
	time.Sleep(faults.latency)
	status := http.StatusOK
	if rand.Float64() < faults.errorRate {
		status = http.StatusInternalServerError
	}
	// Counted before it is sent: whoever has the answer finds it counted.
	s.counts.add(status, time.Since(begun))
	host, _ := os.Hostname() // An empty name is shown as one.
	reply(writer, status, map[string]any{"version": s.version, "pod": host})
}

func reply(writer http.ResponseWriter, status int, body map[string]any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(writer, err.Error(), http.StatusInternalServerError)
		return
	}
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(status)
	writer.Write(append(text, '\n')) //nolint:errcheck // The client has gone; there is nobody to tell.
}

func environment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
