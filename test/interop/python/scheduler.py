"""A scheduler on pymesos, driven by lines of JSON. Argument: a JSON object of options."""

import json
import os
import sys

from pymesos import MesosSchedulerDriver, Scheduler, encode_data

from lines import commands, tell


class Queue(Scheduler):
    """Launches what is queued on the first offers with room for it, as many tasks in one call as fit; declines the rest."""

    def __init__(self, explicit):
        self.pending = []
        self.refuse = 0.1
        self.explicit = explicit
        self.operations = []

    def registered(self, driver, framework_id, master_info):
        tell("subscribed", framework=framework_id["value"], again=False, master=master_info)

    def reregistered(self, driver, master_info):
        tell("subscribed", framework=driver.framework_id, again=True, master=master_info)

    def disconnected(self, driver):
        tell("disconnected")

    def resourceOffers(self, driver, offers):
        tell("offers", offers=offers)
        for offer in offers:
            self._answer(driver, offer)

    def _answer(self, driver, offer):
        if self.operations:
            driver.acceptOffers(offer["id"], [self._operation(driver, self.operations.pop(), offer)])
            return
        left = {r["name"]: r["scalar"]["value"] for r in offer["resources"] if r["type"] == "SCALAR"}
        tasks, waiting = [], []
        for draft in self.pending:
            if all(left.get(name, 0) >= draft[name] for name in ("cpus", "mem")):
                for name in ("cpus", "mem"):
                    left[name] -= draft[name]
                tasks.append(self._task(draft, offer))
            else:
                waiting.append(draft)
        self.pending = waiting
        filters = dict(refuse_seconds=self.refuse)
        if not tasks:
            driver.declineOffer(offer["id"], filters)
            return
        driver.launchTasks(offer["id"], tasks, filters)
        tell("accepted", tasks=[
            dict(name=task["name"], task=task["task_id"]["value"], agent=task["agent_id"]["value"]) for task in tasks
        ])

    def _operation(self, driver, kind, offer):
        """RESERVE of half a core, or UNRESERVE of what is reserved; in the format from before MULTI_ROLE."""
        if kind == "UNRESERVE":
            resources = [r for r in offer["resources"] if "reservation" in r]
        else:
            half = dict(name="cpus", type="SCALAR", scalar=dict(value=0.5))
            resources = [dict(half, role=driver.framework["role"], reservation=dict())]
        return dict([("type", kind), (kind.lower(), dict(resources=resources))])

    def _task(self, draft, offer):
        task = dict(
            name=draft["name"],
            task_id=dict(value=draft["name"]),
            agent_id=offer["agent_id"],
            resources=[
                dict(name=name, type="SCALAR", scalar=dict(value=draft[name])) for name in ("cpus", "mem")
            ],
            command=dict(shell=True, value=draft["command"]),
        )
        if draft["ports"]:
            ports = next(r for r in offer["resources"] if r["name"] == "ports")["ranges"]["range"][0]
            taken = dict(begin=ports["begin"], end=ports["begin"] + draft["ports"] - 1)
            task["resources"].append(dict(name="ports", type="RANGES", ranges=dict(range=[taken])))
        if "image" in draft:
            task["container"] = dict(type="DOCKER", docker=dict(image=draft["image"], network="HOST"))
        return task

    def offerRescinded(self, driver, offer_id):
        tell("rescind", offer_id=offer_id)

    def statusUpdate(self, driver, update):
        tell("update", status=update)
        if self.explicit:
            driver.acknowledgeStatusUpdate(update)

    def frameworkMessage(self, driver, executor_id, agent_id, message):
        tell("message", executor_id=executor_id, agent_id=agent_id, data=message)

    def slaveLost(self, driver, agent_id):
        tell("failure", agent_id=agent_id)

    def executorLost(self, driver, executor_id, agent_id, status):
        tell("failure", agent_id=agent_id, executor_id=executor_id, status=status)

    def error(self, driver, message):
        tell("error", message=message)
        # Another one has taken over, or the framework is over: the library itself would subscribe again.
        os._exit(1)

    def processHeartBeat(self, driver):
        tell("heartbeat")


def perform(command, queue, driver):
    kind = command["do"]
    if kind == "launch":
        queue.refuse = 0.1
        queue.pending.extend(command["tasks"])
        driver.reviveOffers()
    elif kind == "kill":
        driver.killTask(dict(value=command["task"]))
    elif kind == "reconcile":
        driver.reconcileTasks([dict(task_id=dict(value=task["task"])) for task in command["tasks"]])
    elif kind == "message":
        agent, executor = dict(value=command["agent"]), dict(value=command["executor"])
        driver.sendFrameworkMessage(executor, agent, encode_data(command["data"].encode("utf-8")))
    elif kind == "request":
        driver.requestResources([])
    elif kind == "reserve":
        queue.operations.append("RESERVE" if command["on"] else "UNRESERVE")
        driver.reviveOffers()
    elif kind == "decline":
        queue.refuse = command["refuse"]
    elif kind == "suppress":
        driver.suppressOffers()
    elif kind == "revive":
        queue.refuse = 0.1
        driver.reviveOffers()
    elif kind == "teardown":
        driver.stop()
        driver.join()
    elif kind == "leave":
        driver.stop(failover=True)
        driver.join()
    tell("sent", call=kind)


def main(options):
    framework = dict(user="root", name=options["name"], failover_timeout=600, checkpoint=True)
    if "role" in options:
        framework["role"] = options["role"]
    if "framework" in options:
        framework["id"] = dict(value=options["framework"])
    # The one that fails over acknowledges by hand.
    queue = Queue("framework" in options)
    driver = MesosSchedulerDriver(
        queue, framework, options["master"], use_addict=True, implicit_acknowledgements=not queue.explicit
    )
    driver.start()
    for command in commands():
        try:
            perform(command, queue, driver)
        except RuntimeError as problem:
            tell("error", message=str(problem))
    # The test has gone: end at once, as a killed scheduler does.
    os._exit(0)


main(json.loads(sys.argv[1]))
