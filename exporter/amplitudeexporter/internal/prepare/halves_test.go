package prepare

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/Flagsmith/flagsmith-otel-collector/exporter/amplitudeexporter/internal/guest"
)

func TestInHalvesFindsTheInputsWithWhichTheCoreFails(t *testing.T) {
	bad := []int{2, 7}
	var answered, failed []int
	var calls int
	err := inHalves(t.Context(), 1, 9, func(from, to int) error {
		calls++
		for i := from; i < to; i++ {
			if slices.Contains(bad, i) {
				return errors.New("trap")
			}
		}
		for i := from; i < to; i++ {
			answered = append(answered, i)
		}
		return nil
	}, func(index int, err error) {
		require.EqualError(t, err, "trap")
		failed = append(failed, index)
	})
	require.NoError(t, err)
	assert.Equal(t, bad, failed)
	assert.Equal(t, []int{1, 3, 4, 5, 6, 8}, answered)
	assert.Equal(t, 11, calls)
}

func TestInHalvesEndsWithAnErrorThatIsNotAboutTheInputs(t *testing.T) {
	never := func(int, error) { t.Error("no input failed") }
	assert.ErrorIs(t, inHalves(t.Context(), 0, 4, func(int, int) error { return guest.ErrNoInstance }, never), guest.ErrNoInstance)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, inHalves(ctx, 0, 4, func(int, int) error { return ctx.Err() }, never), context.Canceled)
}
