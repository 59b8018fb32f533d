// SPDX-License-Identifier: MIT

// The rows of bench/stage.c, made of go-fluxus itself. Output: name and ns for one value, one line each; measured by
// the same rule (twice as many values each time, until it takes 30 ms), and what was made is looked at likewise.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/synoptiq/go-fluxus"
	"golang.org/x/time/rate"
)

const window = 30 * time.Millisecond

var ctx = context.Background()

func shown(made any) string {
	switch m := made.(type) {
	case []int:
		return fmt.Sprint(m[len(m)-1])
	case []string:
		return m[len(m)-1]
	}
	return fmt.Sprint(made)
}

// The row's name begins with one of the words that the program was given, if it was given any.
func wanted(name string) bool {
	for _, word := range os.Args[1:] {
		if strings.HasPrefix(name, word) {
			return true
		}
	}
	return len(os.Args) == 1
}

// run does the work so many times, and returns what the last one made.
func measure[O any](name, want string, run func(loops int) O) {
	if !wanted(name) {
		return
	}
	for loops := 1; ; loops *= 2 {
		from := time.Now()
		made := run(loops)
		took := time.Since(from)
		if took < window {
			continue
		}
		if is := shown(made); is != want {
			fmt.Fprintf(os.Stderr, "%s makes %q, not %q\n", name, is, want)
			os.Exit(1)
		}
		fmt.Printf("%-28s %10.1f\n", name, float64(took.Nanoseconds())/float64(loops))
		return
	}
}

func stage[I, O any](name, want string, st fluxus.Stage[I, O], in I) {
	measure(name, want, func(loops int) O {
		var made O
		for i := 0; i < loops; i++ {
			made, _ = st.Process(ctx, in)
		}
		return made
	})
}

func of[I, O any](fn func(I) O) fluxus.Stage[I, O] {
	return fluxus.StageFunc[I, O](func(_ context.Context, in I) (O, error) { return fn(in), nil })
}

type quiet struct{}

func (quiet) StageStarted(context.Context, string)                     {}
func (quiet) StageCompleted(context.Context, string, time.Duration)    {}
func (quiet) StageError(context.Context, string, error)                {}
func (quiet) RetryAttempt(context.Context, string, int, error)         {}
func (quiet) BufferBatchProcessed(context.Context, int, time.Duration) {}
func (quiet) FanOutStarted(context.Context, int)                       {}
func (quiet) FanOutCompleted(context.Context, int, time.Duration)      {}
func (quiet) FanInStarted(context.Context, int)                        {}
func (quiet) FanInCompleted(context.Context, int, time.Duration)       {}

type service struct {
	mu     sync.Mutex
	served int
}

func (s *service) Process(_ context.Context, in string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served++
	return fmt.Sprintf("processed: %s", in), nil
}

func chains() {
	split := of(func(in string) []string { return strings.Split(in, " ") })
	count := of(func(in []string) int { return len(in) })
	print := of(func(in int) string { return fmt.Sprintf("Count: %d", in) })
	upper := of(strings.ToUpper)
	stage("SimplePipeline", "HELLO WORLD", fluxus.NewPipeline(upper), "hello world")
	stage("ChainedPipeline", "Count: 4", fluxus.NewPipeline(fluxus.Chain(split, fluxus.Chain(count, print))),
		"hello world benchmark test")
	measure("ChainVsDirectCalls-direct", "Length: 20", func(loops int) string {
		var made string
		in := "benchmark test input"
		for i := 0; i < loops; i++ {
			made = fmt.Sprintf("Length: %d", len(in))
		}
		return made
	})
	stage("ChainVsDirectCalls-chained", "Length: 20", fluxus.Chain(of(func(in string) int { return len(in) }),
		of(func(in int) string { return fmt.Sprintf("Length: %d", in) })), "benchmark test input")
	add := of(func(in int) int { return in + 1 })
	for _, depth := range []int{1, 5, 10, 20, 50} {
		chained := add
		for i := 1; i < depth; i++ {
			chained = fluxus.Chain(chained, add)
		}
		stage(fmt.Sprintf("ChainDepth-%d", depth), strconv.Itoa(depth), fluxus.NewPipeline(chained), 0)
	}
}

func fans() {
	thrice := make([]fluxus.Stage[int, int], 3)
	for i := range thrice {
		thrice[i] = of(func(in int) int { return in * (i + 2) })
	}
	stage("ParallelProcessing", "378", fluxus.NewPipeline(fluxus.Parallel(thrice, func(all []int) (int, error) {
		sum := 0
		for _, n := range all {
			sum += n
		}
		return sum, nil
	})), 42)
	ten := make([]fluxus.Stage[string, string], 10)
	for i := range ten {
		ten[i] = of(func(in string) string { return fmt.Sprintf("%s-%d", in, i) })
	}
	stage("FanOut", "test-9", fluxus.NewFanOut(ten...), "test")
	limited := make([]fluxus.Stage[string, string], 100)
	for i := range limited {
		limited[i] = of(func(in string) string {
			x := i
			for j := 0; j < 1000; j++ {
				x = (x * 31) % 997
			}
			return fmt.Sprintf("%s-%d", in, x)
		})
	}
	stage("FanOutConcurrencyLimited", "test-688", fluxus.NewFanOut(limited...).WithConcurrency(4), "test")
	hundred := make([]fluxus.Stage[int, int], 100)
	for i := range hundred {
		hundred[i] = of(func(in int) int {
			r := in
			for j := 0; j < 1000; j++ {
				r = (r * 17) % 987
			}
			return r
		})
	}
	for _, n := range []int{1, 2, 4, 8, 16, 32, 0} {
		name := "ConcurrencyScaling-all"
		if n > 0 {
			name = fmt.Sprintf("ConcurrencyScaling-%d", n)
		}
		stage(name, "252", fluxus.NewFanOut(hundred...).WithConcurrency(n), 42)
	}
}

func batches() {
	in := make([]int, 1000)
	for i := range in {
		in[i] = i
	}
	stage("Buffer", "1998", fluxus.NewBuffer(100, func(_ context.Context, batch []int) ([]int, error) {
		out := make([]int, len(batch))
		for i, n := range batch {
			out[i] = n * 2
		}
		return out, nil
	}), in)
}

func complexPipeline() {
	split := of(func(in string) []string { return strings.Split(in, ",") })
	both := []fluxus.Stage[[]string, any]{
		of(func(in []string) any {
			out := make([]string, len(in))
			for i, s := range in {
				out[i] = strings.ToUpper(s)
			}
			return out
		}),
		of(func(in []string) any {
			n := 0
			for _, s := range in {
				n += len(s)
			}
			return n
		}),
	}
	parts := fluxus.StageFunc[[]string, []any](func(ctx context.Context, in []string) ([]any, error) {
		out := make([]any, len(both))
		for i, st := range both {
			made, err := st.Process(ctx, in)
			if err != nil {
				return nil, err
			}
			out[i] = made
		}
		return out, nil
	})
	join := of(func(in []any) string {
		return fmt.Sprintf("Upper: %s, Total: %d", strings.Join(in[0].([]string), "+"), in[1].(int))
	})
	stage("ComplexPipeline", "Upper: HELLO+WORLD+PIPELINE+BENCHMARK, Total: 27",
		fluxus.NewPipeline(fluxus.Chain(split, fluxus.Chain[[]string, []any, string](parts, join))),
		"hello,world,pipeline,benchmark")
}

func retries() {
	tries := 0
	third := fluxus.StageFunc[string, string](func(_ context.Context, in string) (string, error) {
		if tries++; tries <= 2 {
			return "", errors.New("simulated error")
		}
		tries = 0
		return in + "-success", nil
	})
	measure("Retry", "test-success", func(loops int) string {
		var made string
		for i := 0; i < loops; i++ {
			made, _ = fluxus.NewRetry[string, string](third, 3).Process(ctx, "test")
		}
		return made
	})
	stage("Retry-kept", "test-success", fluxus.NewRetry[string, string](third, 3), "test")
	add := of(func(in int) int { return in + 1 })
	stage("RetrySuccess-bare", "1", add, 0)
	stage("RetrySuccess-retry", "1", fluxus.NewRetry(add, 3), 0)
	stage("CircuitBreaker-closed", "processed: benchmark-input",
		fluxus.NewCircuitBreaker[string, string](&service{}, 3, 50*time.Millisecond), "benchmark-input")
	stage("GuardedSuccess", "1", fluxus.NewCircuitBreaker(add, 3, 50*time.Millisecond), 0)
}

func allow(name string, limit rate.Limit, burst int) {
	limiter := fluxus.NewRateLimiter(of(strings.ToUpper), limit, burst)
	measure(name, "true", func(loops int) bool {
		all := true
		for i := 0; i < loops; i++ {
			all = limiter.Allow() && all
		}
		return all
	})
}

func wrappers() {
	upper := of(strings.ToUpper)
	heard := fluxus.NewMetricatedStage(upper, fluxus.WithMetricsCollector[string, string](quiet{}))
	stage("MetricatedStage-without", "BENCHMARK", upper, "benchmark")
	stage("MetricatedStage-with", "BENCHMARK", heard, "benchmark")
	stage("RateLimiter-none", "BENCHMARK", upper, "benchmark")
	stage("RateLimiter-unlimited-1", "BENCHMARK", fluxus.NewRateLimiter(upper, rate.Inf, 1), "benchmark")
	stage("RateLimiter-unlimited-100", "BENCHMARK", fluxus.NewRateLimiter(upper, rate.Inf, 100), "benchmark")
	allow("AllowCheck-1", rate.Inf, 1)
	allow("AllowCheck-100", rate.Inf, 100)
	allow("AllowGranted", 1e9, 1<<32)
	for _, c := range []struct {
		name string
		st   fluxus.Stage[string, string]
	}{
		{"base", upper},
		{"metric", heard},
		{"limit", fluxus.NewRateLimiter(upper, rate.Inf, 10)},
		{"pipeline", fluxus.NewPipeline(upper)},
		{"both", fluxus.NewRateLimiter[string, string](heard, rate.Inf, 10)},
	} {
		stage("ComponentComparison-"+c.name, "BENCHMARK TEST INPUT", c.st, "benchmark test input")
	}
}

func main() {
	runtime.GOMAXPROCS(runtime.NumCPU()) // as threads see it: Go itself goes by a group's quota
	chains()
	fans()
	batches()
	complexPipeline()
	retries()
	wrappers()
}
