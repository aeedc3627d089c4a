//go:build !linux

package main

import (
	"errors"
	"time"
)

// canReadProcesses says whether what other processes take can be read.
const canReadProcesses = false

func cpuTime(int) (time.Duration, error) { return 0, errors.ErrUnsupported }

func peakMemory(int) (float64, error) { return 0, errors.ErrUnsupported }
