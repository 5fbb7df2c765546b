// Runs programs without numbers: a value is what computed it. Shows whether the programs of all roles come to an end,
// and whether they compute together what the uncut program computes.
#ifndef HETER_TESTS_PASSES_PARTITION_SYMBOLICRUN_H
#define HETER_TESTS_PASSES_PARTITION_SYMBOLICRUN_H

#include "dialects/ps/PS.h"
#include "mlir/IR/BuiltinOps.h"
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace heter::test {

/// Numbers terms: equal ops (name, attributes but the place, types) on equal terms give equal terms.
class Terms {
public:
  /// The term of `op` applied to `operands`; with several results, of result 0, the others follow.
  int64_t of(mlir::Operation *op, llvm::ArrayRef<int64_t> operands);

private:
  /// By name, attributes, result types and operands.
  std::map<std::tuple<const void *, const void *, std::vector<const void *>, std::vector<int64_t>>, int64_t> numbers_;
  int64_t next_ = 0;
};

/// What a run did.
struct Outcome {
  /// The terms of all ops with effects (reports, predictions, pushes), each as often as it ran.
  std::multiset<int64_t> effects;
  /// Empty, or what could not go on.
  std::string stuck;
};

/// Runs an uncut program.
Outcome run(nn::ProgramOp program, Terms &terms);

/// How a role goes through its listing.
enum class Order {
  Dataflow, // any op whose operands are there may run: what the executor does
  Listed,   // strictly from top to bottom, waiting at each recv: the least that any extra edge along the listing leaves
};

/// Runs the programs of `graph` of all roles together until nothing can go on.
Outcome run(mlir::ModuleOp module, llvm::StringRef graph, Order order, Terms &terms);

} // namespace heter::test

#endif
