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
#include "tests/fuzz/PartsMutator.h"
#include "tests/runtime/package/SamplePackage.h"
#include "tests/runtime/role/TinyModel.h"
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

/// y = 0 < n ? x : x, then twice the same while i < n.
package::Graph nestedGraph() {
  GraphBuilder same, condition, body, b;
  same.graph.results = {same.argument("x", f32({-1}))};
  int ci = condition.argument("i", f32({}));
  condition.argument("v", f32({-1}));
  int cn = condition.argument("n", f32({})), less = condition.placed("less", boolean());
  condition.kernel("less", {ci, cn}, {less});
  condition.graph.results = {less};
  int bi = body.argument("i", f32({})), bv = body.argument("v", f32({-1})), bn = body.argument("n", f32({})),
      next = body.placed("next", f32({})), twice = body.placed("twice", f32({-1}));
  body.kernel("add", {bi, bn}, {next});
  body.kernel("double", {bv}, {twice});
  body.graph.results = {next, twice};

  int x = b.placed("x", f32({-1})), n = b.placed("n", f32({})), yes = b.placed("yes", boolean()),
      y = b.placed("y", f32({-1})), i = b.placed("i", f32({})), z = b.placed("z", f32({-1}));
  b.input("x", x);
  b.kernel("count", {x}, {n});
  b.kernel("less", {n, n}, {yes});
  int choose = b.node(NodeKind::IF, "choose", "", {yes, x}, {y});
  b.graph.nodes[choose].regions = std::vector<package::Graph>{same.graph, same.graph};
  int loop = b.node(NodeKind::WHILE, "loop", "", {n, y, n}, {i, z}, {{"limit", integer(8)}});
  b.graph.nodes[loop].regions = std::vector<package::Graph>{condition.graph, body.graph};
  b.predict("z", z);
  return b.graph;
}

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
  for (const char *mode : {"local", "ps", "heter-ps"}) {
    Package package = tinyPackage(mode);
    result.push_back({mode, partsOf(package.info, package.programs)});
  }
  Sample sample = samplePackage();
  result.push_back({"sample", partsOf(sample.info, sample.programs)});
  Package nested = tinyPackage("local");
  package::Input x;
  x.name = "x";
  x.kind = ValueKind::TENSOR;
  x.type = f32({});
  nested.info.inputs.push_back(x);
  nested.info.data.clear();
  nested.programs[0].infer = nestedGraph();
  result.push_back({"nested", partsOf(nested.info, nested.programs)});
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
      (void)makePlan(*graph, kernels);
  }
  (void)StoreSchema::create(package->info, [&](const std::string &symbol) { return kernels.find(symbol); });
  for (const package::DataSource &source : package->info.data)
    (void)RowProgram::compile(source, package->info.inputs);
  return true;
}

} // namespace heter::fuzz
