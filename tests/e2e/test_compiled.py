"""The compiler is what computes: an op edited in a dump changes the run exactly as the same edit of the spec does, the
kernels hold AVX-512 code, and the runtime needs nothing of the compiler."""

import subprocess
import unittest

import e2e


class Compiled(e2e.TestCase):
    def test_edited_dump_equals_edited_spec(self):
        data = self.synth(2000)
        spec = (e2e.SOURCE / "samples" / "ctr_dnn.heter").read_text()
        edited_spec = self.folder / "ctr_dnn.heter"
        edited_spec.write_text(spec.replace("relu(", "tanh("))
        expected, _, _ = self.train(self.compile(edited_spec, "local"), data, "--batch-size", 100)

        ir = self.folder / "ir"
        original, _, _ = self.train(self.compile("ctr_dnn", "local", f"--dump-ir={ir}"), data, "--batch-size", 100)
        dump = (ir / "01-frontend.mlir").read_text()
        self.assertIn("nn.relu", dump)
        edited_dump = self.folder / "edited.mlir"
        edited_dump.write_text(dump.replace("nn.relu", "nn.tanh"))
        losses, _, _ = self.train(self.compile(edited_dump, None), data, "--batch-size", 100)
        self.assertEqual(losses, expected)
        self.assertNotEqual(losses, original)

    def test_kernels_hold_avx512_code(self):
        package = self.compile("ctr_dnn", "local")
        text = subprocess.run(["/usr/lib/llvm-22/bin/llvm-objdump", "-d", package / "kernels-cpu-x86-64-v4.so"],
                              capture_output=True, text=True, check=True).stdout
        self.assertIn("zmm", text)

    def test_lower_levels_compute_the_same_model(self):
        """Products in bf16 by whatever this processor has, and below: a run says which, and losses stay close."""
        data = self.synth(2000)
        package = self.compile("ctr_dnn", "local", "--precision=bf16")
        words = {"x86-64-v4-amx": "amx", "x86-64-v4-bf16": "avx512-bf16", "x86-64-v4": "f32 fallback",
                 "x86-64-v3": "f32 fallback"}
        wrong = e2e.run_tool("heter", "run", package, "--data", data, check=False, env={"HETER_CPU_LEVEL": "x86-64-v9"})
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("HETER_CPU_LEVEL is `x86-64-v9`, which is no level of this processor; it has `", wrong.stderr)
        levels = [level for level in words if f"`{level}`" in wrong.stderr]
        self.assertIn("x86-64-v3", levels)
        if e2e.TILES_EMULATED:
            self.assertEqual(levels[0], "x86-64-v4-amx")
        seen = {}
        for level in levels:
            losses = self.folder / f"{level}.losses"
            run = e2e.run_tool("heter", "run", package, "--data", data, "--batch-size", 100, "--losses", losses,
                               env={"HETER_CPU_LEVEL": level})
            self.assertIn(f"products in bf16: {words[level]}", run.stderr)
            said = [line for line in run.stderr.splitlines() if "emulated in software" in line]
            self.assertEqual(len(said), 2 if e2e.TILES_EMULATED and level == "x86-64-v4-amx" else 0, run.stderr)
            if level != levels[0]:
                self.assertIn("because HETER_CPU_LEVEL says so", run.stderr)
            seen[level] = [float(line.split()[1]) for line in losses.read_text().splitlines()]
        for level in levels:
            for a, b in zip(seen[level], seen[levels[-1]], strict=True):
                self.assertAlmostEqual(a, b, delta=5e-3, msg=level)

    def test_code_of_products_is_generated_before_the_first_step(self):
        """What oneDNN generates for the batch size is generated when the program is loaded, by its own log."""
        run = e2e.run_tool("heter", "run", self.compile("ctr_dnn", "local"), "--data", self.synth(300), "--batch-size", 100,
                           env={"HETER_CPU_LEVEL": "x86-64-v3", "DNNL_VERBOSE": "2", "ONEDNN_VERBOSE": "2"})
        calls = [line.split(",") for line in run.stdout.splitlines() if ",cpu,matmul," in line]
        generated = [i for i, call in enumerate(calls) if call[1] == "create:cache_miss"]
        executed = [i for i, call in enumerate(calls) if call[1] == "exec"]
        self.assertGreaterEqual(len(generated), 6, run.stdout[-2000:])  # three layers, forward and backward
        self.assertGreaterEqual(len(executed), 3 * len(generated))
        self.assertLess(generated[-1], executed[0])

    def test_runtime_needs_no_compiler(self):
        libraries = subprocess.run(["ldd", e2e.BIN / "heter"], capture_output=True, text=True, check=True).stdout
        symbols = subprocess.run(["nm", "-C", e2e.BIN / "heter"], capture_output=True, text=True, check=True).stdout
        for word in ["MLIR", "LLVM"]:
            self.assertNotIn(word, libraries)
        for word in ["mlir::", "llvm::"]:
            self.assertNotIn(word, symbols)


if __name__ == "__main__":
    unittest.main()
