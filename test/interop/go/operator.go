package main

import (
	"context"
	"encoding/json"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/agent"
	agentcalls "github.com/mesos/mesos-go/api/v1/lib/agent/calls"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli/httpagent"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli/httpmaster"
	"github.com/mesos/mesos-go/api/v1/lib/master"
	mastercalls "github.com/mesos/mesos-go/api/v1/lib/master/calls"
)

type operatorOptions struct {
	Master string
	Agent  string
	Codec  string
}

// operatorCommand: a call by its name (GET_STATE), with the first of its arguments where it takes any.
type operatorCommand struct {
	At        string
	Do        string
	Arguments []interface{}
}

func (c operatorCommand) first() string {
	if len(c.Arguments) > 0 {
		if text, ok := c.Arguments[0].(string); ok {
			return text
		}
	}
	return ""
}

func masterCall(c operatorCommand) *master.Call {
	timeout := 5 * time.Second
	switch c.Do {
	case "GET_METRICS":
		return mastercalls.GetMetrics(&timeout)
	case "LIST_FILES":
		return mastercalls.ListFiles(c.first())
	case "READ_FILE":
		return mastercalls.ReadFile(c.first(), 0)
	case "SET_LOGGING_LEVEL":
		return mastercalls.SetLoggingLevel(1, timeout)
	case "TEARDOWN":
		return mastercalls.Teardown(mesos.FrameworkID{Value: c.first()})
	case "MARK_AGENT_GONE":
		return mastercalls.MarkAgentGone(mesos.AgentID{Value: c.first()})
	default:
		return &master.Call{Type: master.Call_Type(master.Call_Type_value[c.Do])}
	}
}

func agentCall(c operatorCommand) *agent.Call {
	timeout := 5 * time.Second
	switch c.Do {
	case "GET_METRICS":
		return agentcalls.GetMetrics(&timeout)
	case "LIST_FILES":
		return agentcalls.ListFiles(c.first())
	case "READ_FILE":
		return agentcalls.ReadFileWithLength(c.first(), 0, 1000)
	default:
		return &agent.Call{Type: agent.Call_Type(agent.Call_Type_value[c.Do])}
	}
}

type operator struct {
	master mastercalls.Sender
	agent  func(agentcalls.Request) (mesos.Response, error)
}

func (o operator) answer(c operatorCommand) (interface{}, error) {
	var into interface {
		Unmarshal([]byte) error
		UnmarshalJSON([]byte) error
	}
	var response mesos.Response
	var err error
	if c.At == "agent" {
		into = &agent.Response{}
		response, err = o.agent(agentcalls.NonStreaming(agentCall(c)))
	} else {
		into = &master.Response{}
		response, err = o.master.Send(context.Background(), mastercalls.NonStreaming(masterCall(c)))
	}
	if response != nil {
		defer response.Close()
	}
	if err != nil || response == nil {
		return nil, err
	}
	err = response.Decode(into)
	return into, err
}

func (o operator) perform(text json.RawMessage) {
	var c operatorCommand
	parse(text, &c)
	if c.Do == "SUBSCRIBE" {
		go o.watch()
		return
	}
	value, err := o.answer(c)
	if err != nil {
		tell("answer", fields{"call": c.Do, "error": err.Error()})
		return
	}
	tell("answer", fields{"call": c.Do, "value": value})
}

func (o operator) watch() {
	response, err := o.master.Send(context.Background(), mastercalls.NonStreaming(mastercalls.Subscribe()))
	if response != nil {
		defer response.Close()
	}
	for err == nil {
		var e master.Event
		if err = response.Decode(&e); err == nil {
			tell("watched", fields{"type": e.GetType().String(), "value": e})
		}
	}
	tell("error", fields{"message": err.Error()})
}

func runOperator(text []byte) {
	var options operatorOptions
	parse(text, &options)
	client := func(address string) *httpcli.Client {
		return httpcli.New(httpcli.Endpoint("http://"+address+"/api/v1"), httpcli.Codec(codecOf(options.Codec)))
	}
	agents := httpagent.NewSender(client(options.Agent).Send)
	o := operator{
		master: httpmaster.NewSender(client(options.Master).Send),
		agent: func(r agentcalls.Request) (mesos.Response, error) {
			return agents.Send(context.Background(), r)
		},
	}
	eachCommand(o.perform)
}
