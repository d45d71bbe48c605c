// The API server, the controller manager and the scheduler of a test cluster, in one program: their own commands behind a
// first argument. Kubernetes publishes no binaries that a package registry has, but its modules can be built.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func main() {
	part := ""
	if len(os.Args) > 1 {
		part = os.Args[1]
	}
	var command *cobra.Command
	switch part {
	case "apiserver":
		command = apiserver.NewAPIServerCommand()
	case "controller-manager":
		command = controllers.NewControllerManagerCommand()
	case "scheduler":
		command = scheduler.NewSchedulerCommand()
	default:
		fmt.Fprintln(os.Stderr, "usage: kubernetes apiserver|controller-manager|scheduler [flags]")
		os.Exit(2)
	}
	os.Args = append([]string{part}, os.Args[2:]...)
	os.Exit(cli.Run(command))
}
