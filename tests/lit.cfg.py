# lit runs the compiler's tests: every .mlir file under tests/, and the .heter files of its lit folders. The site file
# that CMake writes says where the tools are.
import os

import lit.formats

config.name = "heter"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.heter_build_dir, "tests", "lit")
config.environment["PATH"] = os.pathsep.join(
    [config.heter_tools_dir, config.llvm_tools_dir, config.environment["PATH"]])
for name in ["HETER_MUTATION", "HETER_MUTATION_LOG"]:  # scripts/suite-notices runs us with a fault switched on
    if name in os.environ:
        config.environment[name] = os.environ[name]
config.substitutions.append(("%samples", os.path.join(config.heter_source_dir, "samples")))
for tool in ["heter-opt", "heterc"]:
    config.substitutions.append((r"(?<![-\w/])" + tool + r"(?![-\w])", os.path.join(config.heter_tools_dir, tool)))
