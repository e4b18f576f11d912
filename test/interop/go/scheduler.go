package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"sync"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/backoff"
	"github.com/mesos/mesos-go/api/v1/lib/extras/scheduler/callrules"
	"github.com/mesos/mesos-go/api/v1/lib/extras/scheduler/controller"
	"github.com/mesos/mesos-go/api/v1/lib/extras/scheduler/eventrules"
	"github.com/mesos/mesos-go/api/v1/lib/extras/store"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli/httpsched"
	"github.com/mesos/mesos-go/api/v1/lib/resources"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/events"
)

const failoverTimeout = 600 * time.Second

type schedulerOptions struct {
	Master    string
	Codec     string
	Name      string
	Framework string
}

type draft struct {
	Name    string
	Command string
	CPUs    float64
	Mem     float64
}

type schedulerCommand struct {
	Do       string
	Tasks    json.RawMessage
	Task     string
	Agent    string
	Executor string
	Data     string
	Refuse   float64
}

type queue struct {
	caller  calls.Caller
	info    *mesos.FrameworkInfo
	ctx     context.Context
	leave   context.CancelFunc
	mutex   sync.Mutex
	pending []draft
	refuse  time.Duration
}

const role = "*"

// amount is what a framework that may have several roles asks for: allocated to one of them.
func amount(r mesos.Resource) mesos.Resource {
	allocated := role
	r.AllocationInfo = &mesos.Resource_AllocationInfo{Role: &allocated}
	return r
}

func (d draft) wants() mesos.Resources {
	return mesos.Resources{amount(resources.NewCPUs(d.CPUs).Resource), amount(resources.NewMemory(d.Mem).Resource)}
}

func (q *queue) offers(ctx context.Context, e *scheduler.Event) error {
	tell("offers", fields{"offers": e.GetOffers().GetOffers()})
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for _, offer := range e.GetOffers().GetOffers() {
		if err := q.answer(ctx, offer); err != nil {
			tell("error", fields{"message": err.Error()})
		}
	}
	return nil
}

func (q *queue) answer(ctx context.Context, offer mesos.Offer) error {
	left := mesos.Resources(offer.Resources).Clone()
	var tasks []mesos.TaskInfo
	var waiting []draft
	for _, d := range q.pending {
		wants := d.wants()
		if !resources.ContainsAll(left, wants) {
			waiting = append(waiting, d)
			continue
		}
		left.Subtract(wants...)
		command, shell := d.Command, true
		tasks = append(tasks, mesos.TaskInfo{
			Name:      d.Name,
			TaskID:    mesos.TaskID{Value: d.Name},
			AgentID:   offer.AgentID,
			Resources: wants,
			Command:   &mesos.CommandInfo{Shell: &shell, Value: &command},
		})
	}
	q.pending = waiting
	filters := calls.RefuseSeconds(q.refuse)
	if len(tasks) == 0 {
		return calls.CallNoData(ctx, q.caller, calls.Decline(offer.ID).With(filters))
	}
	accept := calls.Accept(calls.OfferOperations{calls.OpLaunch(tasks...)}.WithOffers(offer.ID)).With(filters)
	if err := calls.CallNoData(ctx, q.caller, accept); err != nil {
		return err
	}
	accepted := make([]fields, 0, len(tasks))
	for _, task := range tasks {
		accepted = append(accepted, fields{"name": task.Name, "task": task.TaskID.Value, "agent": offer.AgentID.Value})
	}
	tell("accepted", fields{"tasks": accepted})
	return nil
}

// callOf is the call to send for a command; nil where there is none.
func (q *queue) callOf(c schedulerCommand) *scheduler.Call {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	switch c.Do {
	case "launch":
		var drafts []draft
		parse(c.Tasks, &drafts)
		q.pending = append(q.pending, drafts...)
		q.refuse = 100 * time.Millisecond
		return calls.Revive()
	case "kill":
		return calls.Kill(c.Task, c.Agent)
	case "reconcile":
		var tasks []struct{ Task, Agent string }
		parse(c.Tasks, &tasks)
		agents := map[string]string{}
		for _, task := range tasks {
			agents[task.Task] = task.Agent
		}
		return calls.Reconcile(calls.ReconcileTasks(agents))
	case "message":
		return calls.Message(c.Agent, c.Executor, []byte(c.Data))
	case "request":
		return calls.Request(mesos.Request{Resources: draft{CPUs: 1, Mem: 64}.wants()})
	case "decline":
		q.refuse = time.Duration(c.Refuse * float64(time.Second))
	case "suppress":
		return calls.Suppress()
	case "revive":
		q.refuse = 100 * time.Millisecond
		return calls.Revive()
	case "update":
		q.info.Labels = &mesos.Labels{Labels: []mesos.Label{{Key: c.Data}}}
		return calls.UpdateFramework(*q.info)
	case "teardown":
		return &scheduler.Call{Type: scheduler.Call_TEARDOWN}
	case "leave":
		q.leave()
	}
	return nil
}

func (q *queue) perform(text json.RawMessage) {
	var c schedulerCommand
	parse(text, &c)
	if call := q.callOf(c); call != nil {
		if err := calls.CallNoData(q.ctx, q.caller, call); err != nil {
			tell("error", fields{"message": err.Error()})
			return
		}
	}
	tell("sent", fields{"call": c.Do})
}

func (q *queue) handler(id store.Singleton) events.Handler {
	return eventrules.New(controller.LiftErrors()).Handle(events.Handlers{
		scheduler.Event_SUBSCRIBED: eventrules.New(
			controller.TrackSubscription(id, failoverTimeout),
		).HandleF(func(_ context.Context, e *scheduler.Event) error {
			s := e.GetSubscribed()
			tell("subscribed", fields{"framework": s.FrameworkID.Value, "heartbeat": s.GetHeartbeatIntervalSeconds(), "master": s.MasterInfo})
			return nil
		}),
		scheduler.Event_OFFERS: events.HandlerFunc(q.offers),
		scheduler.Event_UPDATE: controller.AckStatusUpdates(q.caller).HandleF(func(_ context.Context, e *scheduler.Event) error {
			tell("update", fields{"status": e.GetUpdate().GetStatus()})
			return nil
		}),
		scheduler.Event_HEARTBEAT: events.HandlerFunc(func(context.Context, *scheduler.Event) error {
			tell("heartbeat", nil)
			return nil
		}),
		scheduler.Event_RESCIND: events.HandlerFunc(func(_ context.Context, e *scheduler.Event) error {
			tell("rescind", fields{"offer_id": e.GetRescind().GetOfferID()})
			return nil
		}),
		scheduler.Event_FAILURE: events.HandlerFunc(func(_ context.Context, e *scheduler.Event) error {
			tell("failure", fields{"failure": e.GetFailure()})
			return nil
		}),
	}.Otherwise(func(_ context.Context, e *scheduler.Event) error {
		tell("other", fields{"type": e.GetType().String()})
		return nil
	}))
}

func runScheduler(text []byte) {
	mesos.CapabilityReservationRefinement = "1"
	var options schedulerOptions
	parse(text, &options)
	id := store.NewInMemorySingleton()
	if options.Framework != "" {
		id.Set(options.Framework)
	}
	seconds, checkpoint := failoverTimeout.Seconds(), true
	info := &mesos.FrameworkInfo{
		User:            "root",
		Name:            options.Name,
		Roles:           []string{role},
		FailoverTimeout: &seconds,
		Checkpoint:      &checkpoint,
		Capabilities: []mesos.FrameworkInfo_Capability{
			{Type: mesos.FrameworkInfo_Capability_MULTI_ROLE},
			{Type: mesos.FrameworkInfo_Capability_RESERVATION_REFINEMENT},
			{Type: mesos.FrameworkInfo_Capability_PARTITION_AWARE},
			{Type: mesos.FrameworkInfo_Capability_TASK_KILLING_STATE},
		},
	}
	if options.Framework != "" {
		info.ID = &mesos.FrameworkID{Value: options.Framework}
	}
	client := httpsched.NewCaller(
		httpcli.New(httpcli.Endpoint("http://"+options.Master+"/api/v1/scheduler"), httpcli.Codec(codecOf(options.Codec))),
		httpsched.Listener(func(n httpsched.Notification) { tell(n.Type.String(), nil) }),
	)
	ctx, leave := context.WithCancel(context.Background())
	q := &queue{
		caller: callrules.New(callrules.WithFrameworkID(store.GetIgnoreErrors(id))).Caller(client),
		info:   info, ctx: ctx, leave: leave, refuse: 100 * time.Millisecond,
	}
	go eachCommand(q.perform)
	err := controller.Run(ctx, info, q.caller,
		controller.WithEventHandler(q.handler(id)),
		controller.WithFrameworkID(store.GetIgnoreErrors(id)),
		controller.WithRegistrationTokens(backoff.Notifier(200*time.Millisecond, time.Second, ctx.Done())),
		controller.WithSubscriptionTerminated(func(err error) {
			if complaint, ok := err.(controller.ErrEvent); ok {
				tell("error", fields{"message": complaint.Error()})
				// Another one has taken over, or the framework is over: the library itself would subscribe again.
				os.Exit(1)
			}
			message := ""
			if err != nil {
				message = err.Error()
			}
			tell("terminated", fields{"message": message})
		}),
	)
	if err != nil && err != context.Canceled {
		log.Fatal(err)
	}
}
