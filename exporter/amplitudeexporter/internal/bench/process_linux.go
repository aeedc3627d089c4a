package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// canReadProcesses says whether what other processes take can be read.
const canReadProcesses = true

// cpuTime is the time that a process has had so far, of user and system. Its clock has nanoseconds, where /proc has
// hundredths of a second.
func cpuTime(pid int) (time.Duration, error) {
	// What clock_getcpuclockid gives, which is a function of the C library.
	const clockOfProcess = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|clockOfProcess), &t); err != nil {
		return 0, fmt.Errorf("the time of process %d cannot be read: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// peakMemory is the most memory that a process has had resident, in bytes. That of getrusage would count what the process
// was before it became another program.
func peakMemory(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		var kibibytes float64
		if n, _ := fmt.Sscanf(lines.Text(), "VmHWM: %f kB", &kibibytes); n == 1 {
			return kibibytes * 1_024, nil
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no VmHWM", pid)
}
