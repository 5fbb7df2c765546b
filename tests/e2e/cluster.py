"""A cluster of `heter run --role` processes for tests of faults, with a relay before everything that listens.

A relay understands frames (4 bytes of length, then a Thrift message in the binary protocol), so a test can say what becomes
of each: it may be late, lost or doubled, and a whole role may be cut off or made to stand still.
"""

import json
import os
import pathlib
import random
import signal
import socket
import struct
import subprocess
import threading
import time

import e2e

CALL, REPLY = 1, 2


class Frame:
    """One message on its way; `replying` says in which direction."""

    def __init__(self, header, body):
        self.bytes = header + body
        # Strict binary protocol: version and type, the name's length, the name, the sequence number.
        version, length = struct.unpack(">II", body[:8])
        self.type = version & 0xFF
        self.method = body[8:8 + length].decode()


class Relay:
    """Forwards messages between a port of its own and `target`. `weather(relay, frame)` gives how many copies go on; it may
    sleep. Connections of processes in `relay.swallowed` carry nothing any more in either direction, and stay open."""

    def __init__(self, target, weather=lambda relay, frame: 1, seed=0):
        self.target, self.weather, self.random = target, weather, random.Random(seed)
        self.messages = 0
        self.joins, self.last_join = set(), 0
        self.lock = threading.Lock()
        self.swallow_all = False
        self.swallowed = set()
        self.still_until = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = [self.listener]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, address = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.connect, args=(client, address[1]), daemon=True).start()

    def connect(self, client, port):
        for _ in range(200):
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        else:
            client.close()
            return
        caller = process_of(port)
        self.sockets += [client, server]
        for a, b in [(client, server), (server, client)]:
            a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.forward, args=(a, b, caller), daemon=True).start()

    def forward(self, source, sink, caller):
        stream = source.makefile("rb")
        try:
            while header := stream.read(4):
                frame = Frame(header, stream.read(struct.unpack(">I", header)[0]))
                copies = self.weather(self, frame)
                while (wait := self.still_until - time.time()) > 0:
                    time.sleep(wait)
                with self.lock:
                    self.messages += 1
                if self.swallow_all or caller in self.swallowed:
                    continue
                for _ in range(copies):
                    sink.sendall(frame.bytes)
        except (OSError, ValueError, struct.error):
            pass
        if self.swallow_all or caller in self.swallowed:
            return  # Nobody hears of the end.
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        for s in self.sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()


def process_of(port):
    """The process that holds the local end `port` of a connection to this machine."""
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].split(":")[1], 16) == port and int(fields[2].split(":")[1], 16) != 0:
            inode = f"socket:[{fields[9]}]"
            for process in pathlib.Path("/proc").iterdir():
                if not process.name.isdigit():
                    continue
                try:
                    if any(os.readlink(fd) == inode for fd in (process / "fd").iterdir()):
                        return int(process.name)
                except OSError:
                    pass
    return None


def free_ports(count):
    """Ports at which nobody listens, below those that Linux gives to connections: others may open some meanwhile."""
    sockets = []
    while len(sockets) < count:
        try:
            sockets.append(socket.create_server(("127.0.0.1", random.SystemRandom().randrange(10000, 32768))))
        except OSError:
            pass  # in use
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Cluster:
    """A coordinator, servers, one heter-trainer of class heter, and cpu-trainers, each a process with a log file. Everybody
    dials the relays, `relays[role]` by the name of who is behind it, e.g. "server 0" or "coordinator"."""

    def __init__(self, folder, package, flags, servers=2, cpu_trainers=1, weather=lambda relay, frame: 1, leave_out=(),
                 coordinator_flags=()):
        self.folder = folder
        folder.mkdir()
        listening = ["coordinator"] + [f"server {i}" for i in range(servers)] + ["heter-trainer.heter 0"]
        self.names = listening + [f"cpu-trainer {i}" for i in range(cpu_trainers)]
        self.relays, self.processes, self.logs, self.ended = {}, {}, {}, {}
        ports = dict(zip(listening, free_ports(len(listening))))
        for number, name in enumerate(listening):
            self.relays[name] = Relay(ports[name], weather, seed=number)
        flags = [str(f) for f in flags]
        for name in self.names:
            if name in leave_out:
                continue
            # A role that listens does so behind its own relay.
            address = {n: f"127.0.0.1:{ports[n] if n == name else self.relays[n].port}" for n in listening}
            path = folder / f"{name.replace(' ', '-')}.json"
            path.write_text(json.dumps({
                "coordinator": address["coordinator"], "servers": [address[f"server {i}"] for i in range(servers)],
                "cpu-trainers": ["127.0.0.1:0"] * cpu_trainers,
                "heter-trainers": {"heter": [address["heter-trainer.heter 0"]]}}))
            role, _, index = name.partition(" ")
            command = [e2e.BIN / "heter", "run", package, "--role", role, "--index", index or "0", "--cluster", path, *flags]
            if name == "coordinator":
                command += coordinator_flags
            self.logs[name] = folder / f"{name.replace(' ', '-')}.log"
            with self.logs[name].open("w") as file:
                self.processes[name] = subprocess.Popen([str(c) for c in command], stdout=file, stderr=file,
                                                        stdin=subprocess.DEVNULL)

    def log(self, name):
        return self.logs[name].read_text()

    def wait_for_steps(self, micro_batches=20, timeout=60):
        """Until the coordinator has been told of so many micro-batches: the run is in its stride."""
        relay = self.relays["coordinator"]
        deadline = time.time() + timeout
        while relay.messages < 3 * micro_batches + 50:
            if time.time() > deadline or any(p.poll() is not None for p in self.processes.values()):
                raise AssertionError("the run did not get going:\n" + "\n".join(self.log(n) for n in self.processes))
            time.sleep(0.05)

    def cut_off(self, name):
        """No message from or to this role arrives any more."""
        if name in self.relays:
            self.relays[name].swallow_all = True
        for relay in self.relays.values():
            relay.swallowed.add(self.processes[name].pid)

    def all_ended(self):
        """Notes when processes ended, in `ended`; whether all have."""
        for name, process in self.processes.items():
            if name not in self.ended and process.poll() is not None:
                self.ended[name] = time.time()
        return len(self.ended) == len(self.processes)

    def close(self):
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
        for relay in self.relays.values():
            relay.close()


class Launched:
    """A `heter launch`, and its roles' processes by name."""

    def __init__(self, folder, package, flags):
        self.folder = folder
        command = [e2e.BIN / "heter", "launch", package, "--run-folder", folder, *flags]
        self.process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.roles = {}

    def find_roles(self, count):
        deadline = time.time() + 60
        while len(self.roles) < count and time.time() < deadline:
            time.sleep(0.05)
            for child in self.children():
                words = pathlib.Path(f"/proc/{child}/cmdline").read_text().split("\0")
                if "--role" in words:
                    self.roles[f"{words[words.index('--role') + 1]} {words[words.index('--index') + 1]}"] = child

    def children(self):
        try:
            return [int(p) for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()
                    for p in (task / "children").read_text().split()]
        except FileNotFoundError:
            return []


def wait_for_all(clusters, timeout=30):
    """Until every process of the clusters has ended, or the time is over."""
    until = time.time() + timeout
    while not all([c.all_ended() for c in clusters]) and time.time() < until:
        time.sleep(0.02)
