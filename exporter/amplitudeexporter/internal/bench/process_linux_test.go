package main

import (
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCPUTimeGrowsWithWork(t *testing.T) {
	before, err := cpuTime(os.Getpid())
	require.NoError(t, err)
	assert.Positive(t, before)
	x := 1.0
	for range 10_000_000 {
		x = math.Sqrt(x + 1)
	}
	after, err := cpuTime(os.Getpid())
	require.NoError(t, err)
	assert.Greater(t, after, before, x)
}

func TestPeakMemoryIsInBytes(t *testing.T) {
	const size = 100_000_000
	block := make([]byte, size)
	for i := 0; i < size; i += 1_024 {
		block[i] = 1
	}
	peak, err := peakMemory(os.Getpid())
	require.NoError(t, err)
	assert.Greater(t, peak, float64(size), len(block))
}

func TestThereIsNoSuchProcess(t *testing.T) {
	_, err := cpuTime(math.MaxInt32 >> 3)
	assert.ErrorContains(t, err, "cannot be read")
	_, err = peakMemory(math.MaxInt32 >> 3)
	assert.ErrorIs(t, err, os.ErrNotExist)
}
