"""Wrong input of every kind: each gets one sentence that names the place and the mend, and an exit code; never a crash.

A case is a command line, run in one folder of small files, and exactly what it must say. Exit code 2 is for a wrong
command line, 1 for everything else.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import unittest

import e2e
from wrong_input_cases import CLUSTER, CLUSTER_CASES, CLUSTERS, LINES, MODEL, PATHS, ROLE, RUN


class WrongInput(unittest.TestCase):
    maxDiff = 3000

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="heter-wrong-"))
        cls.make_files()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder, ignore_errors=True)

    @classmethod
    def make_files(cls):
        folder = cls.folder
        (folder / "small.heter").write_text(MODEL)
        (folder / "folder").mkdir()
        (folder / "empty.tsv").write_text("")
        (folder / "notes.txt").write_text("Some notes.\n")
        (folder / "net.py").write_text('#!/usr/bin/env python3\n"""A net."""\nimport torch\n')
        (folder / "binary.heter").write_bytes(b"model x\n\0\1\2")
        (folder / "marked.heter").write_bytes(b"\xef\xbb\xbf" + MODEL.encode())
        (folder / "other.mlir").write_text("func.func @f() { return }\n")
        (folder / "list.json").write_text("[]")
        for name, changes in CLUSTERS.items():
            cluster = {key: value for key, value in {**CLUSTER, **changes}.items() if value is not None}
            (folder / f"{name}.json").write_text(json.dumps(cluster))
        e2e.run_tool("heter", "data", "synth", "--examples", 50, "--out", folder / "clicks.tsv")
        for package, spec, mode in [("small", folder / "small.heter", "heter-ps"), ("local", folder / "small.heter", "local"),
                                    ("lr", e2e.SOURCE / "samples" / "lr.heter", "ps")]:
            e2e.run_tool("heterc", spec, "-o", folder / f"{package}.pkg", f"--mode={mode}")
        e2e.run_tool("heter", "run", folder / "small.pkg", "--data", folder / "clicks.tsv", "--save", folder / "model")
        e2e.run_tool("heter", "export", folder / "small.pkg", "--load", folder / "model", "--out", folder / "small.export")
        cls.make_packages()

    @classmethod
    def make_packages(cls):
        """Packages that are wrong in one way."""
        folder = cls.folder
        for name in ["newer", "other-cpu", "mixed", "short"]:
            shutil.copytree(folder / "small.pkg", folder / f"{name}.pkg")
        manifest = folder / "newer.pkg" / "manifest.json"
        manifest.write_text(re.sub(r'"format": \d+', '"format": 99', manifest.read_text()))
        for kernels in (folder / "other-cpu.pkg").glob("kernels-*"):
            kernels.unlink()
        shutil.copy(folder / "lr.pkg" / "cpu-trainer.program", folder / "mixed.pkg")
        (folder / "short.pkg" / "server.program").unlink()

    def run_line(self, line, **options):
        command = shlex.split(line)
        return subprocess.run([e2e.BIN / command[0], *command[1:]], cwd=self.folder, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, **options)

    def check(self, cases):
        before = self.contents()
        for line, code, message in cases:
            with self.subTest(line):
                result = self.run_line(line)
                words = shlex.split(line)
                said = f"{words[0]}: error: {message}\n".replace("FOLDER", str(self.folder))
                if code == 2:
                    command = re.match(r"heterc|heter( (run|launch|predict|inspect|dump|data( synth(?= ))?))?(?= |$)", line).group(0)
                    said += f"run `{command} --help` for how it is used\n"
                text = re.sub(r"^started \d+ processes; .*\n", "", result.stderr)
                self.assertEqual(text, said)
                self.assertEqual(result.returncode, code)
                self.assertEqual(result.stdout, "")
        self.assertEqual(self.contents(), before, "a refused command left something behind")

    def contents(self):
        return sorted(path.name for path in self.folder.iterdir())

    def test_command_lines(self):
        self.check(LINES)

    def test_files_and_folders(self):
        self.check(PATHS)

    def test_cluster_files(self):
        self.check(CLUSTER_CASES)

    def test_specs(self):
        """heterc prints the errors of each wrong spec of tests/frontend/errors as they stand beside it: place, line
        and underline included."""
        specs = sorted((e2e.SOURCE / "tests" / "frontend" / "errors").glob("*.heter"))
        self.assertGreater(len(specs), 100)
        folder = self.folder / "specs"
        folder.mkdir()
        self.addCleanup(shutil.rmtree, folder)
        for spec in specs:
            with self.subTest(spec.stem):
                shutil.copy(spec, folder / "m.heter")
                result = self.run_line("heterc specs/m.heter -o specs/m.pkg")
                self.assertEqual(result.stderr.replace("specs/", ""), spec.with_suffix(".expected").read_text())
                self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertEqual([path.name for path in folder.iterdir()], ["m.heter"], "a refused spec left something behind")

    def test_there_are_many(self):
        self.assertGreaterEqual(len(LINES) + len(PATHS) + len(CLUSTER_CASES), 160)

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            for role, changes in [("coordinator", {"coordinator": address}),
                                  ("server", {"servers": [address]}),
                                  ("heter-trainer.heter", {"heter-trainers": {"heter": [address]}})]:
                with self.subTest(role):
                    (self.folder / "taken.json").write_text(json.dumps({**CLUSTER, **changes}))
                    result = self.run_line(ROLE + f"{role} --cluster taken.json")
                    who = "" if role == "coordinator" else f"{role} 0: "
                    self.assertEqual(result.stderr,
                                     f"heter: error: {who}cannot listen at {address}: Address already in use\n")
                    self.assertEqual(result.returncode, 1)

    def test_roles_of_different_compilations(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        (self.folder / "two.json").write_text(json.dumps({**CLUSTER, "coordinator": f"127.0.0.1:{port}"}))
        (self.folder / "again.heter").write_text(MODEL.replace("dim: 2", "dim: 3"))
        e2e.run_tool("heterc", self.folder / "again.heter", "-o", self.folder / "again.pkg", "--mode=heter-ps")
        hashes = [json.loads((self.folder / f"{name}.pkg" / "manifest.json").read_text())["program_hash"]
                  for name in ["again", "small"]]
        start = [str(e2e.BIN / "heter"), "run"]
        flags = ["--data", "clicks.tsv", "--cluster", "two.json", "--role"]
        coordinator = subprocess.Popen([*start, "small.pkg", *flags, "coordinator"], cwd=self.folder, text=True,
                                       stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        server = subprocess.run([*start, "again.pkg", *flags, "server"], cwd=self.folder, text=True, capture_output=True,
                                timeout=60)
        _, said = coordinator.communicate(timeout=60)
        expected = (f"server 0 runs program {hashes[0]}, the coordinator runs {hashes[1]}; start all roles from one "
                    "package\n")
        for text in [said, server.stderr]:  # The coordinator refuses; who says so first may differ.
            self.assertEqual(text.replace("coordinator: server", "server"), "heter: error: " + expected)
        self.assertEqual([coordinator.returncode, server.returncode], [1, 1])

    def test_without_permission(self):
        """As a user who may only read."""
        self.folder.chmod(0o755)
        os.chmod(self.folder / "small.pkg" / "package.bin", 0o644)
        unprivileged = {"user": 65534} if os.getuid() == 0 else {}
        if not unprivileged:
            self.folder.chmod(0o555)
        self.addCleanup(self.folder.chmod, 0o755)
        for line, message in [
                (RUN + "--save new", "--save: cannot create folder `new`: Permission denied"),
                (RUN + "--losses new", "--losses: cannot create `new.partial`: Permission denied"),
                ("heter dump model --out new", "cannot create `new`: Permission denied"),
                ("heterc small.heter -o new.pkg",
                 "cannot write a package to new.pkg: Permission denied in FOLDER")]:
            with self.subTest(line):
                result = self.run_line(line, **unprivileged)
                tool = line.split()[0]
                self.assertEqual(result.stderr, f"{tool}: error: {message}\n".replace("FOLDER", str(self.folder)))
                self.assertEqual(result.returncode, 1)

    def one_sentence(self, result, name, what):
        """A refusal in one line that names the file."""
        self.assertEqual(result.returncode, 1, f"{what}\n{result.stdout}{result.stderr}")
        self.assertRegex(result.stderr, r"\Aheter: error: [^\n]+\n\Z", what)
        self.assertIn(name, result.stderr, what)

    def damages(self, path):
        """Writes damaged versions of a file, one after another, and says what each is; the file is whole again after."""
        whole = path.read_bytes()
        steps = sorted({i * (len(whole) - 1) // 9 for i in range(10)})
        try:
            for at in steps:
                path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1:])
                yield f"{path.name}: byte {at} flipped"
            for length in sorted({0, 1, len(whole) // 3, len(whole) // 2, len(whole) - 1}):
                path.write_bytes(whole[:length])
                yield f"{path.name}: cut to {length} bytes"
            path.write_bytes(whole + b"\0")
            yield f"{path.name}: a byte more"
        finally:
            path.write_bytes(whole)

    def test_damaged_packages(self):
        package = self.folder / "damaged.pkg"
        shutil.copytree(self.folder / "small.pkg", package)
        command = "heter run damaged.pkg --data clicks.tsv --losses damaged.losses"
        self.assertEqual(self.run_line(command).returncode, 0)
        losses = (self.folder / "damaged.losses").read_text()
        levels = [path.name for path in sorted(package.glob("kernels-*"))]
        unread = {"explain.txt", *levels} - {self.level_in_use(levels)}
        for path in sorted(package.iterdir()):
            for what in self.damages(path):
                result = self.run_line(command)
                # What is for people, and what this processor does not use, may change; nothing else comes of it.
                if result.returncode == 0 and path.name in unread | {"manifest.json"}:
                    self.assertEqual((self.folder / "damaged.losses").read_text(), losses, what)
                else:
                    self.one_sentence(result, "damaged.pkg/" if path.name == "manifest.json" else path.name, what)

    def level_in_use(self, levels):
        flags = re.search(r"^flags.*$", pathlib.Path("/proc/cpuinfo").read_text(), re.M).group(0).split()
        return levels[-1] if "avx512f" in flags else levels[0]

    def test_damaged_saved_models(self):
        model = self.folder / "damaged"
        shutil.copytree(self.folder / "model", model)
        for path in sorted(model.iterdir()):
            for what in self.damages(path):
                self.one_sentence(self.run_line("heter dump damaged --out damaged.txt"), path.name, what)
                self.one_sentence(self.run_line(RUN + "--load damaged"), path.name, what)


if __name__ == "__main__":
    unittest.main()
