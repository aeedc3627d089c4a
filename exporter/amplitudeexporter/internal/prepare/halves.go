package prepare

import "context"

// inHalves asks the core about the inputs with the indices from `from` to before `to`. If the core fails with several
// inputs, it gets them in halves, so that an input that it cannot handle costs only itself. `ask` asks about a range, and
// `failed` is told the index of each input with which the core failed on its own. The error is one that says nothing about
// the inputs, such as the end of the context.
func inHalves(ctx context.Context, from, to int, ask func(from, to int) error, failed func(index int, err error)) error {
	err := ask(from, to)
	switch {
	case !isGuestFault(ctx, err):
		return err
	case to-from > 1:
		half := from + (to-from)/2
		if err := inHalves(ctx, from, half, ask, failed); err != nil {
			return err
		}
		return inHalves(ctx, half, to, ask, failed)
	default:
		failed(from, err)
		return nil
	}
}
