"""pymesos' operator drivers, for master and agent, driven by lines of JSON. Argument: a JSON object of options."""

import json
import os
import sys

from pymesos import MesosOperatorAgentDriver, MesosOperatorMasterDriver, OperatorMaster

from lines import commands, tell


class Watcher(OperatorMaster):
    def taskAdded(self, task_info):
        tell("taskAdded", task=task_info)

    def taskUpdated(self, task_info):
        tell("taskUpdated", update=task_info)

    def frameworkAdded(self, framework_info):
        tell("frameworkAdded", framework=framework_info)

    def frameworkUpdated(self, framework_info):
        tell("frameworkUpdated", framework=framework_info)

    def frameworkRemoved(self, framework_info):
        tell("frameworkRemoved", framework=framework_info)

    def agentAdded(self, agent_info):
        tell("agentAdded", agent=agent_info)

    def agentRemoved(self, agent_info):
        tell("agentRemoved", agent=agent_info)


def main(options):
    master = MesosOperatorMasterDriver(options["master"], Watcher())
    agent = MesosOperatorAgentDriver(options["agent"])
    for command in commands():
        if command["do"] == "watch":
            master.start()
            continue
        driver = master if command["at"] == "master" else agent
        try:
            value = getattr(driver, command["do"])(*command.get("arguments", []))
            tell("answer", call=command["do"], value=value)
        except Exception as error:
            tell("answer", call=command["do"], error=str(error))
    os._exit(0)


main(json.loads(sys.argv[1]))
