// Schedulers and operators on mesos-go, driven by lines of JSON on stdin (see ../foreign-process.ts).
// Arguments: scheduler or operator, and a JSON object of options.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"sync"

	"github.com/mesos/mesos-go/api/v1/lib/encoding"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/codecs"
)

type fields map[string]interface{}

var output sync.Mutex

// tell writes a line whose first member is the event's name.
func tell(event string, f fields) {
	text := []byte("{}")
	if f != nil {
		var err error
		if text, err = json.Marshal(f); err != nil {
			log.Fatal(err)
		}
	}
	separator := ""
	if len(text) > 2 {
		separator = ","
	}
	output.Lock()
	defer output.Unlock()
	fmt.Printf("{\"event\":%q%s%s\n", event, separator, text[1:])
}

func codecOf(name string) encoding.Codec {
	for _, codec := range codecs.ByMediaType {
		if codec.Name == name {
			return codec
		}
	}
	log.Fatalf("no codec %q", name)
	return encoding.Codec{}
}

// eachCommand ends the program when the test hangs up, as abruptly as a killed one ends.
func eachCommand(perform func(json.RawMessage)) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		perform(append(json.RawMessage(nil), lines.Bytes()...))
	}
	os.Exit(0)
}

func parse(text []byte, into interface{}) {
	if err := json.Unmarshal(text, into); err != nil {
		log.Fatal(err)
	}
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("scheduler or operator and its options, or executor and its codec")
	}
	switch os.Args[1] {
	case "scheduler":
		runScheduler([]byte(os.Args[2]))
	case "operator":
		runOperator([]byte(os.Args[2]))
	case "executor":
		runExecutor(codecOf(os.Args[2]))
	}
}
