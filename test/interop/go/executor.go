package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/backoff"
	"github.com/mesos/mesos-go/api/v1/lib/encoding"
	"github.com/mesos/mesos-go/api/v1/lib/executor"
	"github.com/mesos/mesos-go/api/v1/lib/executor/calls"
	"github.com/mesos/mesos-go/api/v1/lib/executor/config"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli/httpexec"
)

// shell runs what `data` of a task says in a shell.
type shell struct {
	cfg      config.Config
	agent    calls.Sender
	mutex    sync.Mutex
	children map[string]*exec.Cmd
	killed   map[string]bool
	tasks    map[string]mesos.TaskInfo
	updates  map[string]executor.Call_Update
}

func runExecutor(codec encoding.Codec) {
	cfg, err := config.FromEnv()
	if err != nil {
		log.Fatal(err)
	}
	agent := url.URL{Scheme: "http", Host: cfg.AgentEndpoint, Path: "/api/v1/executor"}
	client := httpcli.New(httpcli.Endpoint(agent.String()), httpcli.Codec(codec))
	names := executor.CallOptions{calls.Framework(cfg.FrameworkID), calls.Executor(cfg.ExecutorID)}
	s := &shell{
		cfg:      cfg,
		agent:    calls.SenderWith(httpexec.NewSender(client.Send), names...),
		children: map[string]*exec.Cmd{},
		killed:   map[string]bool{},
		tasks:    map[string]mesos.TaskInfo{},
		updates:  map[string]executor.Call_Update{},
	}
	subscriber := calls.SenderWith(httpexec.NewSender(client.Send, httpcli.Close(true)), names...)
	again := backoff.Notifier(100*time.Millisecond, time.Second, nil)
	for lost := time.Now(); time.Since(lost) <= cfg.RecoveryTimeout || !cfg.Checkpoint; {
		if s.listen(subscriber) {
			lost = time.Now()
		}
		if !cfg.Checkpoint {
			return
		}
		<-again
	}
}

// listen tells whether there was a subscription.
func (s *shell) listen(subscriber calls.Sender) bool {
	answer, err := subscriber.Send(context.Background(), calls.NonStreaming(s.subscription()))
	if answer != nil {
		defer answer.Close()
	}
	if err != nil {
		log.Print(err)
		return false
	}
	for {
		var event executor.Event
		if err := answer.Decode(&event); err != nil {
			if err != io.EOF {
				log.Print(err)
			}
			return true
		}
		s.hear(&event)
	}
}

func (s *shell) subscription() *executor.Call {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var tasks []mesos.TaskInfo
	for _, task := range s.tasks {
		tasks = append(tasks, task)
	}
	var updates []executor.Call_Update
	for _, update := range s.updates {
		updates = append(updates, update)
	}
	return calls.Subscribe(tasks, updates)
}

func (s *shell) hear(event *executor.Event) {
	log.Print(event.GetType())
	switch event.GetType() {
	case executor.Event_SUBSCRIBED:
		if event.Subscribed.FrameworkInfo.ID.Value != s.cfg.FrameworkID {
			log.Fatal("subscribed as somebody else")
		}
	case executor.Event_LAUNCH:
		go s.run(event.Launch.Task)
	case executor.Event_LAUNCH_GROUP:
		for _, task := range event.LaunchGroup.TaskGroup.Tasks {
			go s.run(task)
		}
	case executor.Event_KILL:
		s.kill(event.Kill.TaskID.Value)
	case executor.Event_ACKNOWLEDGED:
		s.mutex.Lock()
		delete(s.tasks, event.Acknowledged.TaskID.Value)
		delete(s.updates, string(event.Acknowledged.UUID))
		s.mutex.Unlock()
	case executor.Event_MESSAGE:
		answer := calls.Message(append([]byte("echo:"), event.Message.Data...))
		if _, err := s.agent.Send(context.Background(), calls.NonStreaming(answer)); err != nil {
			log.Print(err)
		}
	case executor.Event_SHUTDOWN:
		os.Exit(0)
	}
}

func (s *shell) run(task mesos.TaskInfo) {
	id := task.TaskID.Value
	child := exec.Command("/bin/sh", "-c", string(task.Data))
	s.mutex.Lock()
	s.tasks[id] = task
	s.children[id] = child
	s.mutex.Unlock()
	s.update(task.TaskID, mesos.TASK_RUNNING, "", nil)
	output, err := child.Output()
	s.mutex.Lock()
	killed := s.killed[id]
	s.mutex.Unlock()
	state := mesos.TASK_FINISHED
	if killed {
		state = mesos.TASK_KILLED
	} else if err != nil {
		state = mesos.TASK_FAILED
	}
	s.update(task.TaskID, state, fmt.Sprintf("exit code %d", child.ProcessState.ExitCode()), output)
}

func (s *shell) kill(id string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.killed[id] = true
	if child := s.children[id]; child != nil && child.Process != nil {
		if err := child.Process.Signal(syscall.SIGTERM); err != nil {
			log.Print(err)
		}
	}
}

func (s *shell) update(task mesos.TaskID, state mesos.TaskState, message string, data []byte) {
	uuid := uuidBytes()
	call := calls.Update(mesos.TaskStatus{
		TaskID:     task,
		State:      &state,
		Source:     mesos.SOURCE_EXECUTOR.Enum(),
		ExecutorID: &mesos.ExecutorID{Value: s.cfg.ExecutorID},
		UUID:       uuid,
		Message:    &message,
		Data:       data,
	})
	s.mutex.Lock()
	s.updates[string(uuid)] = *call.Update
	s.mutex.Unlock()
	answer, err := s.agent.Send(context.Background(), calls.NonStreaming(call))
	if answer != nil {
		answer.Close()
	}
	if err != nil {
		log.Print(err)
	}
}

// uuidBytes makes a UUID of version 4.
func uuidBytes() []byte {
	uuid := make([]byte, 16)
	if _, err := rand.Read(uuid); err != nil {
		log.Fatal(err)
	}
	uuid[6] = uuid[6]&0x0f | 0x40
	uuid[8] = uuid[8]&0x3f | 0x80
	return uuid
}
