"""What heter and heterc say about themselves: help that fits in 80 columns, examples that are right, manual pages without
warnings, completion that completes; and what a run looks like in a terminal of 80 columns."""

import fcntl
import os
import pathlib
import pty
import re
import shlex
import shutil
import struct
import subprocess
import tempfile
import termios
import unittest

import e2e

COMMANDS = ["heter", "heter run", "heter launch", "heter predict", "heter inspect", "heter dump", "heter data", "heter data synth", "heterc"]


def help_of(command):
    return e2e.run_tool(*command.split(), "--help").stdout


def commands_listed(command):
    listed = re.search(r"^commands:\n((?:  .*\n)*)", help_of(command), re.M)
    return re.findall(r"^  (\w+)", listed.group(1), re.M) if listed else []


class Help(unittest.TestCase):
    def test_every_command_is_here(self):
        found = ["heter", "heterc"]
        for command in found:
            found += [f"{command} {name}" for name in commands_listed(command)]
        self.assertLessEqual(set(COMMANDS), set(found))
        for command in found:
            with self.subTest(command):
                text = help_of(command)
                self.assertEqual([line for line in text.splitlines() if len(line) > 80], [])
                self.assertRegex(text, r"(?m)^Examples?:$")
                self.assertIn(f"usage: {command}", text)

    def test_examples_are_right(self):
        """In an empty folder each example fails for want of its files, never for its flags."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="heter-help-"))
        self.addCleanup(shutil.rmtree, folder)
        for command in COMMANDS:
            text = help_of(command).replace("\\\n", " ")
            for line in re.findall(r"(?m)^  (heterc? .*)$", text[text.index("Example"):]):
                words = shlex.split(line.split("|")[0])
                if words[:3] == ["heter", "data", "synth"]:
                    continue  # It needs no file, and the pages in docs/ run it.
                with self.subTest(line):
                    result = subprocess.run([e2e.BIN / words[0], *words[1:]], cwd=folder, capture_output=True, text=True)
                    self.assertEqual(result.returncode, 1, result.stderr)
                    self.assertIn("there is no", result.stderr)

    def test_version_and_help_command(self):
        for tool in ["heter", "heterc"]:
            self.assertRegex(e2e.run_tool(tool, "--version").stdout, rf"^{tool} \d+\.\d+\.\d+\n$")
        self.assertEqual(e2e.run_tool("heter", "help", "data", "synth").stdout, help_of("heter data synth"))


class Share(e2e.TestCase):
    def setUp(self):
        super().setUp()
        for tool in ["heter", "heterc"]:
            e2e.run_tool(tool, "--write-share", self.folder)

    def test_manual_pages(self):
        pages = sorted((self.folder / "man" / "man1").iterdir())
        self.assertLessEqual({c.replace(" ", "-") + ".1" for c in COMMANDS}, {page.name for page in pages})
        formatter = shutil.which("groff") or shutil.which("man")
        for page in pages:
            text = page.read_text().replace("\\-", "-")
            for flag in re.findall(r"(?m)^  (?:-\w, )?(--[\w-]+)", help_of(page.stem.replace("-", " "))):
                self.assertIn(f"\\fB{flag}\\fR", text, page.name)
            if formatter:
                command = ["man", "--warnings", "-l", page] if formatter.endswith("man") else [
                    "groff", "-man", "-ww", "-Tutf8", page]
                result = subprocess.run(command, capture_output=True, text=True,
                                        env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"})
                self.assertEqual((result.returncode, result.stderr), (0, ""), page.name)

    def complete(self, line):
        """What bash offers after `line`."""
        tool = line.split()[0]
        words = re.findall(r"=|[^\s=]+", line) + ([""] if line.endswith((" ", "=")) else [])
        if line.endswith("="):
            words.pop()  # bash gives the sign itself as the word to complete
        script = (f"source {self.folder}/bash-completion/completions/{tool}\n"
                  f"COMP_WORDS=({' '.join(shlex.quote(w) for w in words)})\nCOMP_CWORD={len(words) - 1}\n_{tool}\n"
                  'printf "%s\\n" "${COMPREPLY[@]}"\n')
        result = subprocess.run(["bash", "--norc", "-c", script], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stderr), (0, ""), line)
        return result.stdout.split()

    def test_bash_completion(self):
        (self.folder / "clicks.tsv").write_text("")
        (self.folder / "small.pkg").mkdir()
        self.assertLessEqual({"run", "launch", "inspect", "dump", "data"}, set(self.complete("heter ")))
        self.assertEqual(self.complete("heter ru"), ["run"])
        self.assertEqual(self.complete("heter data "), ["synth"])
        self.assertEqual(self.complete("heter data synth --ex"), ["--examples"])
        self.assertEqual(self.complete("heter run small.pkg --ep"), ["--epochs"])
        self.assertEqual(self.complete("heter run --update "), ["sync", "half-async", "async"])
        self.assertEqual(self.complete("heter run --update=a"), ["async"])
        self.assertEqual(self.complete("heter run --epochs "), [])
        self.assertEqual(self.complete("heter run small.pkg --data cl"), ["clicks.tsv"])
        self.assertEqual(self.complete("heter run sm"), ["small.pkg"])
        self.assertEqual(self.complete("heter run small.pkg --save s"), ["small.pkg"])
        self.assertEqual(self.complete("heterc --mode="), ["local", "ps", "heter-ps"])
        self.assertEqual(self.complete("heterc cl"), ["clicks.tsv"])
        self.assertEqual(self.complete("heter --completion "), ["bash", "zsh"])

    def test_completion_is_printed_too(self):
        for tool in ["heter", "heterc"]:
            for shell, path in [("bash", f"bash-completion/completions/{tool}"), ("zsh", f"zsh/site-functions/_{tool}")]:
                self.assertEqual(e2e.run_tool(tool, "--completion", shell).stdout, (self.folder / path).read_text())

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh_completion_is_read(self):
        for tool in ["heter", "heterc"]:
            subprocess.run(["zsh", "-n", self.folder / "zsh" / "site-functions" / f"_{tool}"], check=True)


class Terminal(e2e.TestCase):
    def on_terminal(self, *command, columns=80, env=None):
        """Runs a tool in a terminal; returns its exit code and what it wrote."""
        main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen([e2e.BIN / command[0], *map(str, command[1:])], stdin=side, stdout=side, stderr=side,
                                   cwd=self.folder, env={**os.environ, "TERM": "xterm", "NO_COLOR": "", **(env or {})})
        os.close(side)
        output = b""
        while True:
            try:
                chunk = os.read(main, 4096)
            except OSError:  # The other side is closed.
                break
            output += chunk
        os.close(main)
        return process.wait(), output.decode()

    def lines(self, output):
        """Every state of every line, without escape sequences."""
        return re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;]*[mK]", "", output))

    def test_a_run_fits(self):
        data = self.synth(20000)
        package = self.compile("ctr_dnn", "heter-ps")
        code, output = self.on_terminal("heter", "run", package, "--data", data, "--test", data, "--test-lines", "1:2000",
                                        "--batch-size", 500)
        self.assertEqual(code, 0, output)
        self.assertIn("\r\x1b[Ktrain  ", output)
        self.assertIn("\x1b[1mtrained\x1b[0m on 20,000 examples", output)
        self.assertEqual([line for line in self.lines(output) if len(line) > 80], [])
        # A live line is never in the last column, where it could wrap.
        self.assertEqual([line for line in self.lines(output) if line.startswith("train ") and len(line) > 79], [])
        code, output = self.on_terminal("heter", "run", package, "--data", data, "--batch-size", 500, columns=30)
        self.assertEqual([line for line in self.lines(output) if line.startswith("train ") and len(line) > 29], [])

    def test_errors_are_coloured_unless_unwanted(self):
        broken = self.folder / "broken.heter"
        broken.write_text("model m\nx = y\n")
        for command, plain in [(["heter", "run", "no.pkg", "--data", "x"], "heter: error: there is no package"),
                               (["heter", "rnu"], "heter: error: there is no command"),
                               (["heterc", "broken.heter", "-o", "x.pkg"], "error: nothing is called `y`")]:
            painted = plain.replace("error:", "\x1b[1;31merror:\x1b[0m")
            self.assertIn(painted, self.on_terminal(*command)[1])
            for env in [{"NO_COLOR": "1"}, {"TERM": "dumb"}]:
                self.assertIn(plain, self.on_terminal(*command, env=env)[1])
            piped = subprocess.run([e2e.BIN / command[0], *command[1:]], cwd=self.folder, capture_output=True, text=True)
            self.assertIn(plain, piped.stderr)

    def test_explanations_fit(self):
        for sample in ["ctr_dnn", "two_classes", "deepfm"]:
            mode = "ps" if sample == "deepfm" else "heter-ps"
            code, output = self.on_terminal("heterc", e2e.SOURCE / "samples" / f"{sample}.heter", "-o", "x.pkg",
                                            f"--mode={mode}", "--explain")
            self.assertEqual(code, 0, output)
            self.assertEqual([line for line in self.lines(output) if len(line) > 80], [])
            self.assertIn("\x1b[1m", output)


if __name__ == "__main__":
    unittest.main()
