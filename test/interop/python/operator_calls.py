"""pymesos' operator drivers, for master and agent, driven by lines of JSON. Argument: a JSON object of options."""

import json
import os
import sys

from pymesos import MesosOperatorAgentDriver, MesosOperatorMasterDriver, OperatorMaster

from lines import commands, tell


def watched(kind):
    """A handler that tells of an event under the name that it has on the wire."""
    return lambda self, value: tell("watched", type=kind, value=value)


class Watcher(OperatorMaster):
    taskAdded = watched("TASK_ADDED")
    taskUpdated = watched("TASK_UPDATED")
    frameworkAdded = watched("FRAMEWORK_ADDED")
    frameworkUpdated = watched("FRAMEWORK_UPDATED")
    frameworkRemoved = watched("FRAMEWORK_REMOVED")
    agentAdded = watched("AGENT_ADDED")
    agentRemoved = watched("AGENT_REMOVED")


def camel_case(name):
    """GET_STATE is getState here."""
    first, *rest = name.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)


def main(options):
    master = MesosOperatorMasterDriver(options["master"], Watcher())
    agent = MesosOperatorAgentDriver(options["agent"])
    for command in commands():
        if command["do"] == "SUBSCRIBE":
            master.start()
            continue
        driver = master if command["at"] == "master" else agent
        try:
            value = getattr(driver, camel_case(command["do"]))(*command.get("arguments", []))
            tell("answer", call=command["do"], value=value)
        except Exception as error:
            tell("answer", call=command["do"], error=str(error))
    os._exit(0)


main(json.loads(sys.argv[1]))
