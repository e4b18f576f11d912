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
	"github.com/mesos/mesos-go/api/v1/lib/resourcefilters"
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
	Role      string
}

type draft struct {
	Name    string
	Command string
	CPUs    float64
	Mem     float64
	Image   string
	Ports   uint64
}

type schedulerCommand struct {
	Do       string
	Tasks    json.RawMessage
	Task     string
	Agent    string
	Executor string
	Data     string
	Refuse   float64
	On       bool
}

type queue struct {
	caller  calls.Caller
	info    *mesos.FrameworkInfo
	ctx     context.Context
	leave   context.CancelFunc
	mutex   sync.Mutex
	pending []draft
	refuse  time.Duration
	// Names of operations to perform on the next offers.
	operations []string
}

// amount is what a framework that may have several roles asks for: allocated to one of them.
func amount(r mesos.Resource, role string) mesos.Resource {
	r.AllocationInfo = &mesos.Resource_AllocationInfo{Role: &role}
	return r
}

// wants is what the task takes of the resources; ports are the first of their first range.
func (d draft) wants(of mesos.Resources, role string) mesos.Resources {
	wants := mesos.Resources{amount(resources.NewCPUs(d.CPUs).Resource, role), amount(resources.NewMemory(d.Mem).Resource, role)}
	for _, r := range of {
		if d.Ports > 0 && r.GetName() == "ports" {
			begin := r.GetRanges().GetRange()[0].Begin
			ports := resources.BuildRanges().Span(begin, begin+d.Ports-1).Ranges
			wants.Add(amount(resources.Build().Name(resources.NamePorts).Ranges(ports).Resource, role))
		}
	}
	return wants
}

func (d draft) container() *mesos.ContainerInfo {
	if d.Image == "" {
		return nil
	}
	return &mesos.ContainerInfo{
		Type:   mesos.ContainerInfo_DOCKER.Enum(),
		Docker: &mesos.ContainerInfo_DockerInfo{Image: d.Image, Network: mesos.ContainerInfo_DockerInfo_HOST.Enum()},
	}
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
	if len(q.operations) > 0 {
		operation := q.operation(q.operations[0], offer)
		q.operations = q.operations[1:]
		return calls.CallNoData(ctx, q.caller, calls.Accept(calls.OfferOperations{operation}.WithOffers(offer.ID)))
	}
	left := mesos.Resources(offer.Resources).Clone()
	var tasks []mesos.TaskInfo
	var waiting []draft
	for _, d := range q.pending {
		wants := d.wants(left, offer.GetAllocationInfo().GetRole())
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
			Container: d.container(),
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

// operation reserves half a core, or gives back what is reserved; with an id, so that its outcome is told.
func (q *queue) operation(name string, offer mesos.Offer) (operation mesos.Offer_Operation) {
	role := offer.GetAllocationInfo().GetRole()
	if name == "unreserve" {
		operation = calls.OpUnreserve(resourcefilters.Select(resourcefilters.ReservedByRole(role), offer.Resources...)...)
	} else {
		half := mesos.Resources{amount(resources.NewCPUs(0.5).Resource, role)}
		dynamic := mesos.Resource_ReservationInfo{Type: mesos.Resource_ReservationInfo_DYNAMIC.Enum(), Role: &role}
		operation = calls.OpReserve(half.PushReservation(dynamic)...)
	}
	operation.ID = &mesos.OperationID{Value: name}
	return operation
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
		return calls.Request(mesos.Request{Resources: draft{CPUs: 1, Mem: 64}.wants(nil, "*")})
	case "reserve":
		name := "unreserve"
		if c.On {
			name = "reserve"
		}
		q.operations = append(q.operations, name)
		return calls.Revive()
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
		scheduler.Event_UPDATE_OPERATION_STATUS: controller.AckOperationUpdates(q.caller).HandleF(func(_ context.Context, e *scheduler.Event) error {
			status := e.GetUpdateOperationStatus().GetStatus()
			tell("operation", fields{"id": status.GetOperationID().GetValue(), "state": status.GetState().String()})
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
	if options.Role == "" {
		options.Role = "*"
	}
	id := store.NewInMemorySingleton()
	if options.Framework != "" {
		id.Set(options.Framework)
	}
	seconds, checkpoint := failoverTimeout.Seconds(), true
	info := &mesos.FrameworkInfo{
		User:            "root",
		Name:            options.Name,
		Roles:           []string{options.Role},
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
