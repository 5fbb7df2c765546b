// Random placement; see RandomPlacement.h.
#include "tests/passes/partition/RandomPlacement.h"

#include "passes/Place/Placement.h"
#include <random>

using namespace mlir;
using namespace heter;

void test::placeRandomly(ModuleOp module, ArrayRef<StringRef> roles, uint64_t seed) {
  std::mt19937_64 random(seed); // its numbers are the same on every machine, those of the distributions are not
  const std::string why = "placed at random with seed " + std::to_string(seed);
  for (auto program : module.getOps<nn::ProgramOp>()) {
    for (Operation &op : program.getBody().front())
      if (whyPinned(&op).empty() && !isOfRowGradients(&op))
        setPlace(&op, roles[random() % roles.size()], why);
    for (const SmallVector<Operation *> &group : rowGradientGroups(program)) {
      StringRef role = roles[random() % roles.size()];
      for (Operation *op : group)
        setPlace(op, role, why);
    }
  }
}
