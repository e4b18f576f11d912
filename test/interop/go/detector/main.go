// Follows the leading master with the detector of mesos-go's first API, and tells of each on a line (see ../../foreign-process.ts).
// Argument: a zk:// URL. Ends with its stdin.
package main

import (
	"fmt"
	"io"
	"log"
	"os"

	"github.com/mesos/mesos-go/api/v0/detector"
	_ "github.com/mesos/mesos-go/api/v0/detector/zoo"
	mesos "github.com/mesos/mesos-go/api/v0/mesosproto"
)

func main() {
	found, err := detector.New(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	changed := func(info *mesos.MasterInfo) {
		if info == nil {
			fmt.Println(`{"event":"none"}`)
			return
		}
		address := info.GetAddress()
		fmt.Printf("{\"event\":\"leader\",\"id\":%q,\"pid\":%q,\"address\":\"%s:%d\"}\n",
			info.GetId(), info.GetPid(), address.GetIp(), address.GetPort())
	}
	if err := found.Detect(detector.OnMasterChanged(changed)); err != nil {
		log.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}
