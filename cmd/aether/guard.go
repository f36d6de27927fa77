package main

import (
	"github.com/spf13/cobra"

	"github.com/aetherlink/aether/drill/live"
)

// guardCmd is started by a drill, for itself: see live.Guard.
func (a *app) guardCmd() *cobra.Command {
	return &cobra.Command{
		Use: "guard DIR", Hidden: true, Args: cobra.ExactArgs(1),
		Short:   "End what a dead drill left behind (started by drill run)",
		Example: "  aether guard DIR",
		RunE:    func(_ *cobra.Command, args []string) error { return live.RunGuard(a.in, a.out, args[0]) },
	}
}
