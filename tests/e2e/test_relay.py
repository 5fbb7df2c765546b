"""Sync results do not depend on when messages arrive: with a relay before each server and heter-trainer that holds every
message back for a random time, the losses are bit-equal, with 8 micro-batches a step."""

import json
import random
import socket
import struct
import subprocess
import threading
import time
import unittest

import e2e


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Relay:
    """Forwards framed messages between a port of its own and `target`, each after up to `delay` seconds."""

    def __init__(self, target, seed, delay):
        self.target, self.random, self.delay = target, random.Random(seed), delay
        self.messages = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = [self.listener]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            for _ in range(200):
                try:
                    server = socket.create_connection(("127.0.0.1", self.target))
                    break
                except ConnectionRefusedError:
                    time.sleep(0.05)
            else:
                client.close()
                continue
            self.sockets += [client, server]
            for a, b in [(client, server), (server, client)]:
                a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self.forward, args=(a, b), daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        for s in self.sockets:
            s.close()

    def forward(self, source, sink):
        stream = source.makefile("rb")
        try:
            while header := stream.read(4):
                body = stream.read(struct.unpack(">I", header)[0])
                time.sleep(self.random.random() * self.delay)
                self.messages += 1
                sink.sendall(header + body)
        except OSError:
            pass
        stream.close()
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class RelayTest(e2e.TestCase):
    def test_delayed_messages_change_nothing(self):
        data = self.synth(1920)
        package = self.compile("ctr_dnn", "heter-ps")
        flags = ["--data", data, "--batch-size", "24", "--micro-batches", "8", "--in-flight", "8", "--servers", "2",
                 "--cpu-trainers", "2"]
        expected, _, _ = self.train(package, data, *flags[2:])
        self.assertEqual(len(expected), 10)
        for seed in [1, 2]:
            self.assertEqual(self.losses_through_relays(package, flags, seed), expected, f"seed {seed}")

    def losses_through_relays(self, package, flags, seed):
        coordinator, *ports = free_ports(4)
        relays = [Relay(port, seed * 10 + i, 0.004) for i, port in enumerate(ports)]
        roles = [("server", 0), ("server", 1), ("heter-trainer.heter", 0), ("cpu-trainer", 0), ("cpu-trainer", 1)]
        losses = self.folder / f"relayed-{seed}.losses"
        processes = []
        for number, (role, index) in enumerate([("coordinator", 0)] + roles):
            # Everybody dials the relays; a role that listens does so behind its own.
            addresses = [f"127.0.0.1:{r.port}" for r in relays]
            if 1 <= number <= 3:
                addresses[number - 1] = f"127.0.0.1:{ports[number - 1]}"
            cluster = {"coordinator": f"127.0.0.1:{coordinator}", "servers": addresses[:2],
                       "cpu-trainers": ["127.0.0.1:0"] * 2, "heter-trainers": {"heter": addresses[2:]}}
            path = self.folder / f"cluster-{seed}-{number}.json"
            path.write_text(json.dumps(cluster))
            command = [e2e.BIN / "heter", "run", package, "--role", role, "--index", index, "--cluster", path, *flags]
            if role == "coordinator":
                command += ["--losses", losses]
            log = self.folder / f"{role}-{index}-{seed}.log"
            with log.open("w") as file:
                processes.append((role, log, subprocess.Popen([str(c) for c in command], stdout=file, stderr=file)))
        for role, log, process in processes:
            self.assertEqual(process.wait(timeout=120), 0, f"{role}:\n{log.read_text()}")
        for relay in relays:
            relay.close()
        self.assertTrue(all(r.messages > 0 for r in relays), "every relay should carry messages")
        return [line.split()[1] for line in losses.read_text().splitlines()]


if __name__ == "__main__":
    unittest.main()
