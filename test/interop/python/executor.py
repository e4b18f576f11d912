"""An executor on pymesos: it runs what `data` of a task says in a shell."""

import subprocess
import sys
from http.client import HTTPException
from threading import Lock, Thread
from time import sleep

from pymesos import Executor, MesosExecutorDriver, decode_data, encode_data


class Shell(Executor):
    def __init__(self):
        self.children = {}
        self.killed = set()
        # The library's connection to the agent takes one call at a time, and updates shall arrive in order.
        self.lock = Lock()

    def registered(self, driver, executor_info, framework_info, agent_info):
        print("registered at", agent_info["hostname"], flush=True)

    def reregistered(self, driver, agent_info):
        print("registered again", flush=True)

    def launchTask(self, driver, task):
        Thread(target=self._run, args=(driver, task), daemon=True).start()

    def _run(self, driver, task):
        name = task["task_id"]["value"]
        line = decode_data(task["data"]).decode()
        child = subprocess.Popen(["/bin/sh", "-c", line], stdout=subprocess.PIPE)
        self.children[name] = child
        self._update(driver, task, "TASK_RUNNING")
        output, _ = child.communicate()
        code = child.returncode
        state = "TASK_KILLED" if name in self.killed else "TASK_FINISHED" if code == 0 else "TASK_FAILED"
        self._update(driver, task, state, data=encode_data(output), message="exit code %d" % code)

    def _update(self, driver, task, state, **more):
        status = dict(task_id=task["task_id"], state=state, **more)
        with self.lock:
            while True:
                try:
                    return driver.sendStatusUpdate(status)
                except (OSError, HTTPException, RuntimeError):
                    # The library sends nothing again: not while the agent is away, nor what broke off.
                    sleep(0.2)

    def killTask(self, driver, task_id):
        self.killed.add(task_id["value"])
        self.children[task_id["value"]].terminate()

    def frameworkMessage(self, driver, message):
        driver.sendFrameworkMessage(encode_data(b"echo:" + decode_data(message)))

    def shutdown(self, driver):
        for child in self.children.values():
            child.kill()

    def error(self, driver, message):
        sys.exit(message)


MesosExecutorDriver(Shell()).run()
