package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/aetherlink/aether/drill/live"
)

// guardCmd is started by a drill, for itself: see live.Guard.
func (a *app) guardCmd() *cobra.Command {
	detach := false
	c := &cobra.Command{
		Use: "guard DIR", Hidden: true, Args: cobra.ExactArgs(1),
		Short:   "Put back and end what a dead drill left behind (started by drill run)",
		Example: "  aether guard DIR",
		RunE: func(_ *cobra.Command, args []string) error {
			if !detach {
				return live.RunGuard(a.in, a.out, a.err, args[0])
			}
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}
			return live.Detach(self, []string{"guard", args[0]})
		},
	}
	c.Flags().BoolVar(&detach, "detach", false, "in a session of its own")
	return c
}
