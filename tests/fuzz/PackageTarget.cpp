// A package folder whose hash is always right: reader, decoder and verifier. What the verifier accepts is used as roles
// use it (printed, planned, its tables and data bindings made ready), because they rely on what was verified.
// Parts: package.bin, then the programs in the order of its roles.
#include "runtime/data/RowProgram.h"
#include "runtime/graph/Plan.h"
#include "runtime/package/Package.h"
#include "runtime/role/Model.h"
#include "runtime/table/Schema.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/fuzz/PackageMutator.h"
#include "tests/fuzz/PackageSeeds.h"
#include "tests/fuzz/PartsMutator.h"
#include "tests/runtime/table/FaultyFileSystem.h"

namespace heter::fuzz {

using namespace runtime;
using namespace runtime::test;

namespace {

/// Has every kernel.
class AnyKernels final : public KernelObject {
public:
  KernelFunction find(const std::string &) const override {
    return [](void *const *) {};
  }
  const std::string &description() const override { return description_; }

private:
  std::string description_ = "any kernel";
};

std::string partsOf(const package::PackageInfo &info, const std::vector<package::RoleProgram> &programs) {
  std::vector<std::string> parts = {encode(info)};
  for (const package::RoleProgram &program : programs)
    parts.push_back(encode(program));
  return join(parts);
}

std::map<std::string, std::string> filesOf(const std::vector<std::string> &parts) {
  std::map<std::string, std::string> files;
  std::string hash = "none";
  if (!parts.empty())
    files["pkg/package.bin"] = parts[0];
  if (auto info = decodePackageInfo(parts.empty() ? "" : parts[0]); info.ok()) {
    std::vector<package::RoleProgram> programs;
    for (size_t r = 0; r < info->roles.size() && r + 1 < parts.size(); ++r) {
      files["pkg/" + info->roles[r] + programSuffix] = parts[r + 1];
      if (auto program = decodeRoleProgram(parts[r + 1]); program.ok())
        programs.push_back(std::move(*program));
    }
    hash = programHash(*info, programs);
  }
  files["pkg/manifest.json"] = "{\"format\": " + std::to_string(package::g_Package_constants.FORMAT_VERSION) +
                               ", \"program_hash\": \"" + hash + "\"}";
  return files;
}

} // namespace

bool mutateStructure(std::vector<std::string> &parts, std::minstd_rand &random) {
  size_t at = random() % parts.size();
  if (at == 0) {
    auto info = decodePackageInfo(parts[0]);
    if (!info.ok())
      return false;
    mutatePackageInfo(*info, random);
    parts[0] = encode(*info);
    return true;
  }
  auto program = decodeRoleProgram(parts[at]);
  if (!program.ok())
    return false;
  package::Graph *graphs[] = {&program->train, &program->train, &program->infer, &program->predict};
  mutateGraph(*graphs[random() % std::size(graphs)], random);
  parts[at] = encode(*program);
  return true;
}

std::vector<Seed> seeds() {
  std::vector<Seed> result;
  for (const auto &[name, package] : validPackages())
    result.push_back({name, partsOf(package.info, package.programs)});
  return result;
}

bool accepts(std::string_view input) {
  FaultyFileSystem files;
  files.setContents(filesOf(split(input)));
  StatusOr<Package> package = readPackage(files, "pkg");
  if (!package.ok()) {
    check(!package.status().message().empty(), "an error without words");
    return false;
  }
  check(printPackage(*package).ok(), "a verified package does not print");
  Model model(package->info);
  AnyKernels kernels;
  for (const package::RoleProgram &program : package->programs) {
    (void)pulledParameters(model, program);
    for (const package::Graph *graph : {&program.train, &program.infer, &program.predict})
      for (bool updates : {false, true})
        (void)makePlan(*graph, kernels, updates);
  }
  (void)StoreSchema::create(package->info, [&](const std::string &symbol) { return kernels.find(symbol); });
  for (const package::DataSource &source : package->info.data)
    (void)RowProgram::compile(source, package->info.inputs);
  return true;
}

} // namespace heter::fuzz
