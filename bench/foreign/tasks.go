// The workloads of this benchmark for Go's goroutines. A line on standard input asks for so many
// laps; a line of nanoseconds and operations answers.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

func main() {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(-1) // nothing is collected: no workload leaves much behind
	argument := func(index int) int {
		number, err := strconv.Atoi(os.Args[index])
		if err != nil {
			os.Exit(2)
		}
		return number
	}
	switch os.Args[1] {
	case "yield":
		yield(argument(2))
	case "spawn_join":
		spawnJoin(1)
	case "spawn_join_batch":
		spawnJoin(100)
	case "ring":
		ring(argument(2), argument(3), argument(4))
	case "lock":
		lock()
	case "memory":
		memory(argument(2))
	default:
		os.Exit(2)
	}
}

// Answers all questions with a loop that does as many laps as it is told.
func serve(operationsPerLap uint64, run func(laps uint64)) {
	for {
		laps, ok := question()
		if !ok {
			return
		}
		run((laps + 7) / 8) // the one before has left the caches full of its own
		start := time.Now()
		run(laps)
		fmt.Println(time.Since(start).Nanoseconds(), laps*operationsPerLap)
	}
}

// Reads a line without telling the scheduler: it would let the other goroutines run meanwhile, while
// other programs are measured.
func question() (laps uint64, ok bool) {
	var digit [1]byte
	for {
		count, _, err := syscall.RawSyscall(syscall.SYS_READ, 0, uintptr(unsafe.Pointer(&digit[0])), 1)
		switch {
		case err == syscall.EINTR:
		case err != 0 || count == 0:
			return 0, false
		case digit[0] == '\n':
			return laps, true
		default:
			laps = laps*10 + uint64(digit[0]-'0')
		}
	}
}

// A body is compiled for each size of T, and so has a yield of its own.
func body[T any]() {
	var size T
	k := uint64(unsafe.Sizeof(size)) - 1
	var scratch [8]uint64
	for index := range scratch {
		scratch[index] = k
	}
	for turn := uint64(0); ; turn++ {
		step(&scratch, turn, k)
		runtime.Gosched()
	}
}

func step(scratch *[8]uint64, turn, k uint64) {
	word := &scratch[turn%8]
	*word = ((*word<<(k+1) | *word>>(63-k)) ^ turn) + k
}

var bodies = [16]func(){
	body[[1]byte], body[[2]byte], body[[3]byte], body[[4]byte],
	body[[5]byte], body[[6]byte], body[[7]byte], body[[8]byte],
	body[[9]byte], body[[10]byte], body[[11]byte], body[[12]byte],
	body[[13]byte], body[[14]byte], body[[15]byte], body[[16]byte],
}

func yield(n int) {
	for index := 1; index < n; index++ {
		go bodies[index%16]()
	}
	var scratch [8]uint64
	turn := uint64(0)
	serve(uint64(n), func(laps uint64) {
		for ; laps > 0; laps-- {
			step(&scratch, turn, 0)
			turn++
			runtime.Gosched()
		}
	})
}

var sum uint64

func spawnJoin(batch int) {
	const lap = 100
	results := make([]chan uint64, batch)
	for index := range results {
		results[index] = make(chan uint64, 1)
	}
	serve(lap, func(laps uint64) {
		for ; laps > 0; laps-- {
			for done := 0; done < lap; done += batch {
				for index, result := range results {
					index, result := index, result
					go func() { result <- uint64(index) }()
				}
				for _, result := range results {
					sum += <-result
				}
			}
		}
	})
}

// Hands on what comes. As with the yields there is one for each size of T.
func passOn[T any](from <-chan uint64, to chan<- uint64) {
	var size T
	k := uint64(unsafe.Sizeof(size)) - 1
	var scratch [8]uint64
	for {
		value := <-from
		step(&scratch, value, k)
		to <- value + 1
	}
}

var hops = [16]func(<-chan uint64, chan<- uint64){
	passOn[[1]byte], passOn[[2]byte], passOn[[3]byte], passOn[[4]byte],
	passOn[[5]byte], passOn[[6]byte], passOn[[7]byte], passOn[[8]byte],
	passOn[[9]byte], passOn[[10]byte], passOn[[11]byte], passOn[[12]byte],
	passOn[[13]byte], passOn[[14]byte], passOn[[15]byte], passOn[[16]byte],
}

// Values that go round in a ring of goroutines, the first of which measures.
func ring(tasks, capacity, values int) {
	mine := make(chan uint64, capacity)
	next := mine
	for index := tasks - 1; index > 0; index-- {
		from := make(chan uint64, capacity)
		go hops[index%16](from, next)
		next = from
	}
	runtime.Gosched() // all wait
	for value := 0; value < values; value++ {
		next <- 0
		if values > 1 && capacity == 1 { // they shall be apart
			for gap := 0; gap < tasks/values; gap++ {
				runtime.Gosched()
			}
		}
	}
	serve(uint64(tasks*values), func(laps uint64) {
		for ; laps > 0; laps-- {
			for value := 0; value < values; value++ {
				next <- <-mine + 1
			}
		}
	})
}

// Sixteen locks in turn.
func lock() {
	const times = 64
	var locks [16]struct {
		sync.Mutex
		counter uint64
	}
	serve(times*uint64(len(locks)), func(laps uint64) {
		for done := uint64(0); done < laps*times; done++ {
			for index := range locks {
				lock := &locks[index]
				lock.Lock()
				lock.counter++
				lock.Unlock()
			}
		}
	})
}

// Prints how much each goroutine that waits adds to the process, and how many mappings it then has.
func memory(n int) {
	forever := make(chan struct{})
	resident, pageTables, _ := usage()
	for ; n > 0; n-- {
		go func() { <-forever }()
	}
	runtime.Gosched() // all wait
	count := float64(runtime.NumGoroutine() - 1)
	residentAfter, pageTablesAfter, mappings := usage()
	json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"resident":    (residentAfter - resident) / count,
		"page_tables": (pageTablesAfter - pageTables) / count,
		"mappings":    mappings,
	})
}

// In bytes.
func usage() (resident, pageTables, mappings float64) {
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		var kibibytes float64
		if _, err := fmt.Sscanf(line, "VmRSS: %f kB", &kibibytes); err == nil {
			resident = 1024 * kibibytes
		}
		if _, err := fmt.Sscanf(line, "VmPTE: %f kB", &kibibytes); err == nil {
			pageTables = 1024 * kibibytes
		}
	}
	maps, _ := os.ReadFile("/proc/self/maps")
	return resident, pageTables, float64(strings.Count(string(maps), "\n"))
}
