"""Looking into the tables of servers while they train: what `heter table` says of them, and that they train on."""

import re
import subprocess
import time
import unittest

import cluster
import e2e


class LiveTables(e2e.TestCase):
    def table(self, *arguments, code=0):
        result = e2e.run_tool("heter", "table", *arguments, check=False, timeout=60)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout if code == 0 or not result.stderr else result.stderr

    def test_servers_that_train(self):
        data = self.synth(20000)
        package = self.compile("ctr_dnn", "heter-ps")
        run = cluster.Cluster(self.folder / "cluster", package, ["--data", data, "--batch-size", 16, "--epochs", 100])
        self.addCleanup(run.close)
        run.wait_for_steps()
        addresses = [f"127.0.0.1:{run.relays[f'server {i}'].target}" for i in range(2)]
        rows = []
        for address in addresses:
            stats = self.table("stats", address)
            self.assertRegex(stats, r"^model ctr_dnn, steps [1-9]")
            rows.append(int(re.search(r"table emb: rows (\d+)", stats)[1]))
            self.assertGreater(rows[-1], 100)
        dumped = [self.table("dump", address, "emb").splitlines() for address in addresses]
        keys = [{line.split()[1] for line in lines} for lines in dumped]
        self.assertFalse(keys[0] & keys[1], "each server has its share")
        for server in range(2):
            self.assertGreaterEqual(len(dumped[server]), rows[server])
            self.assertEqual(len(keys[server]), len(dumped[server]))
        key = dumped[0][0].split()[1]
        self.assertRegex(self.table("get", addresses[0], "emb", key), f"^emb {key} value ")
        self.assertIn("has no row", self.table("get", addresses[1], "emb", key))
        self.assertIn(f"the model at {addresses[0]} has no table `emp`: there is emb",
                      self.table("get", addresses[0], "emp", key, code=1))
        self.assertIn("only in the first", self.table("diff", addresses[0], addresses[1], code=1))
        self.assertTrue(all(p.poll() is None for p in run.processes.values()), "everybody trains on")

    def test_addresses_where_no_server_is(self):
        port = cluster.free_ports(1)[0]
        start = time.time()
        self.assertIn(f"cannot reach the server at 127.0.0.1:{port}: ", self.table("stats", f"127.0.0.1:{port}", code=1))
        self.assertLess(time.time() - start, 15)
        self.assertIn("there is no saved model `nowhere:x`", self.table("stats", "nowhere:x", code=1))


if __name__ == "__main__":
    unittest.main()
