// Kernel functions to machine code: loops (KernelLowering), the LLVM dialect, LLVM IR, -O3 for each instruction-set
// level, ELF objects, and LLD.
#include "compiler/NativeCode.h"

#include "compiler/KernelLowering.h"
#include "compiler/TileKernels.h"

#include "lld/Common/Driver.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/AMX/Transforms.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Target/TargetMachine.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace mlir;

namespace heter::compiler {

namespace {

constexpr const char *kTriple = "x86_64-unknown-linux-gnu";

void initializeTarget() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
}

std::unique_ptr<llvm::TargetMachine> makeTargetMachine(const IsaLevel &isa) {
  std::string error;
  llvm::Triple triple(kTriple);
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  // What the compiler wrote is what runs: no product is fused into a sum.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, isa.cpu, isa.extensions, options, llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

/// The same for every function: the level's instructions, and registers as wide as it has.
void setTarget(llvm::Module &module, const llvm::TargetMachine &machine, const IsaLevel &isa) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  module.setSourceFileName("kernels");
  module.setModuleIdentifier("kernels");
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", isa.cpu);
    if (!isa.extensions.empty())
      function.addFnAttr("target-features", isa.extensions);
    function.addFnAttr("prefer-vector-width", isa.cpu == "x86-64-v4" ? "512" : "256");
  }
}

void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = true;
  tuning.SLPVectorization = true;
  llvm::PassBuilder builder(&machine, tuning);
  // No library function exists for kernels, so that loops do not become calls of memset or memcpy.
  functions.registerPass([&] {
    llvm::TargetLibraryInfoImpl library{machine.getTargetTriple()};
    library.disableAllFunctions();
    return llvm::TargetLibraryAnalysis(library);
  });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
}

std::string emitObject(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    return "";
  passes.run(module);
  return std::string(bytes);
}

LogicalResult lowerToLlvm(ModuleOp kernels) {
  PassManager passes(kernels->getContext(), ModuleOp::getOperationName());
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(createArithToLLVMConversionPass());
  passes.addPass(createConvertControlFlowToLLVMPass());
  return passes.run(kernels);
}

} // namespace

const std::vector<IsaLevel> &isaLevels() {
  static const std::vector<IsaLevel> levels = [] {
    IsaLevel v3{"x86-64-v3", {"avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}, "x86-64-v3", ""};
    IsaLevel v4{
        "x86-64-v4",
        {"avx2", "avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl", "bmi1", "bmi2", "f16c", "fma", "movbe"},
        "x86-64-v4",
        ""};
    IsaLevel vectors = v4;
    vectors.name = "x86-64-v4-bf16";
    vectors.cpuFeatures.emplace_back("avx512_bf16");
    vectors.extensions = "+avx512bf16";
    vectors.tiles = TileProducts::Vectors;
    IsaLevel amx = v4;
    amx.name = "x86-64-v4-amx";
    amx.cpuFeatures.insert(amx.cpuFeatures.end(), {"amx_bf16", "amx_tile", "avx512_bf16"});
    amx.extensions = "+amx-bf16,+amx-tile,+avx512bf16";
    amx.tiles = TileProducts::Amx;
    return std::vector<IsaLevel>{v3, v4, vectors, amx};
  }();
  return levels;
}

FailureOr<std::vector<KernelObjectBytes>> compileKernels(ModuleOp module, bool tiles) {
  loadKernelDialects(*module->getContext());
  OwningOpRef<ModuleOp> lowered = ModuleOp::create(module.getLoc());
  for (auto kernel : module.getOps<func::FuncOp>())
    if (failed(lowerKernel(kernel, *lowered)))
      return failure();
  if (failed(lowerToLlvm(*lowered)))
    return failure();
  initializeTarget();
  // One LLVM context a level, so that the levels are compiled side by side.
  struct Job {
    llvm::LLVMContext context;
    std::unique_ptr<llvm::Module> module;
    std::unique_ptr<llvm::TargetMachine> machine;
  };
  std::vector<KernelObjectBytes> objects;
  for (const IsaLevel &isa : isaLevels())
    if (isa.tiles == TileProducts::None || tiles)
      objects.push_back({isa, ""});
  std::vector<Job> jobs(objects.size());
  for (auto [object, job] : llvm::zip(objects, jobs)) {
    const IsaLevel &isa = object.isa;
    job.machine = makeTargetMachine(isa);
    OwningOpRef<ModuleOp> withTiles;
    if (isa.tiles != TileProducts::None) {
      withTiles = cast<ModuleOp>((*lowered)->clone());
      if (failed(emitTileKernels(*withTiles, isa.tiles)))
        return failure();
    }
    job.module = translateModuleToLLVMIR(withTiles ? *withTiles : *lowered, job.context, "kernels");
    if (!job.machine || !job.module)
      return module.emitError("cannot make native code for ") << isa.name;
    setTarget(*job.module, *job.machine, isa);
  }
  {
    llvm::DefaultThreadPool pool(llvm::hardware_concurrency(jobs.size()));
    for (auto [job, object] : llvm::zip(jobs, objects))
      pool.async([&job = job, &object = object] {
        optimize(*job.module, *job.machine);
        object.object = emitObject(*job.module, *job.machine);
      });
    pool.wait();
  }
  for (const KernelObjectBytes &object : objects)
    if (object.object.empty())
      return module.emitError("cannot make native code for ") << object.isa.name;
  return objects;
}

llvm::Error linkSharedObject(StringRef object, StringRef path) {
  std::string input = (path + ".o").str(), output = path.str();
  {
    std::error_code error;
    llvm::raw_fd_ostream file(input, error);
    if (!error)
      file << object;
    file.close();
    if (!error)
      error = file.error();
    file.clear_error();
    if (error)
      return llvm::createStringError(error, "cannot write " + input + ": " + error.message());
  }
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  const char *arguments[] = {
      "ld.lld", "-shared", "--no-undefined", "--build-id=none", "--hash-style=gnu", "-O1", "--threads=1",
      "-s",     "-o",      output.c_str(),   input.c_str()};
  lld::Result result = lld::lldMain(arguments, stream, stream, {{lld::Gnu, &lld::elf::link}});
  llvm::sys::fs::remove(input);
  if (result.retCode != 0)
    return llvm::createStringError("cannot link " + output + ": " + StringRef(messages).trim().str());
  return llvm::Error::success();
}

void registerNativeCode(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  arith::registerConvertArithToLLVMInterface(registry);
  cf::registerConvertControlFlowToLLVMInterface(registry);
  registerConvertAMXToLLVMInterface(registry);
}

} // namespace heter::compiler
