"""Programs that take turns. Each is a process that stays warm and is stopped (SIGSTOP) unless it is its turn."""

import json
import os
import signal
import subprocess
import sys
import time

from measure import machine


class Failed(Exception):
    """A program ended, or cannot be started; says why."""


class Contender:
    """A process that answers each turn with {"examples", "seconds", "cpu_seconds"}."""

    def __init__(self, name, command, log, environment=None):
        self.name = name
        self.log = open(log, "w+")
        try:
            self.process = subprocess.Popen([str(word) for word in command], env={**machine.environment(), **(environment or {})},
                                            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        except OSError as error:
            raise Failed(f"{name}: {error}") from error
        self.about = self.answer()
        self.rest()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.log.seek(0)
            last = self.log.read().strip().splitlines()[-1:] or ["no word why"]
            raise Failed(f"{self.name} ended with {self.process.returncode}: {last[0]}")
        return json.loads(line)

    def rest(self):
        self.process.send_signal(signal.SIGSTOP)
        self.await_stop()

    def await_stop(self):
        while open(f"/proc/{self.process.pid}/stat").read().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.0005)

    def ask(self, seconds):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()

    def turn(self, seconds):
        """Works for so long at least."""
        self.ask(seconds)
        answer = self.answer()
        self.rest()
        return answer

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()


class SelfStopping(Contender):
    """training-bench, which stops itself after each turn and knows how long one is."""

    def rest(self):
        self.await_stop()

    def ask(self, seconds):
        self.process.send_signal(signal.SIGCONT)


def rate(answer):
    return answer["examples"] / answer["seconds"]


def rounds_of(contenders, rounds, seconds, label):
    """Lets all have a turn each round, in an order that rotates; gives the rounds: {"rates": {name: examples/s}, "cpu":
    {name: us an example}, "others": share of the machine, "calibration": s}."""
    result = []
    for number in range(rounds):
        others = machine.Others()
        shift = number % len(contenders)
        answers = {each.name: each.turn(seconds) for each in contenders[shift:] + contenders[:shift]}
        share = others.share(sum(answer["cpu_seconds"] for answer in answers.values()))
        result.append({"rates": {name: rate(answer) for name, answer in answers.items()},
                       "cpu": {name: 1e6 * answer["cpu_seconds"] / answer["examples"] for name, answer in answers.items()},
                       "others": share, "calibration": machine.calibrate()})
        print(f"{label}, round {number + 1}: " + ", ".join(f"{name} {value:,.0f}/s" for name, value in result[-1]["rates"].items())
              + f"; others {100 * share:.0f} %", file=sys.stderr, flush=True)
    return result


def end_all(contenders):
    for each in contenders:
        each.end()


def pinned(core, command):
    return command if core is None else ["taskset", "-c", str(core), *command]
