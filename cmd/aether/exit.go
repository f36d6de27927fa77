package main

import "fmt"

// Exit codes. Only a verdict may end with exitFail.
const (
	exitPass         = 0
	exitFail         = 1
	exitUsage        = 2 // the command line or the spec
	exitInconclusive = 3
	exitRefused      = 4 // before the fault: the target was not touched
	exitNotRestored  = 5 // outranks all others
	exitInternal     = 70
	exitInterrupted  = 130
	exitTerminated   = 143
)

// exit is an error with the code to end with; without err there is nothing to
// say that was not said.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exit{code: exitUsage, err: fmt.Errorf(format, args...)}
}
