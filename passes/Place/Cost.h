// What an op costs: the numbers that reports show and that a placement by cost would weigh. An analysis instead of
// attributes, so that it never goes stale.
#ifndef HETER_PASSES_PLACE_COST_H
#define HETER_PASSES_PLACE_COST_H

#include "mlir/IR/Operation.h"
#include <cstdint>
#include <string>

namespace heter {

/// An amount that grows with the micro-batch: `perExample` times its examples, plus `perBatch` once.
struct Amount {
  int64_t perExample = 0;
  int64_t perBatch = 0;

  Amount &operator+=(const Amount &other) {
    perExample += other.perExample;
    perBatch += other.perBatch;
    return *this;
  }
};

/// The bytes of a value of `type` as a message carries it. A ragged value counts as one element an example, as its
/// length is not known before the data is; row gradients count as nothing, as they never move between trainers.
Amount bytesOf(mlir::Type type);

/// The floating-point operations of one op: a multiply-add counts two, a division or an exponential one. Work that is
/// done over the examples counts an example, even where the result has no batch dimension. Of an nn.if the larger
/// region counts, of an nn.while one round.
Amount flopsOf(mlir::Operation *op);

/// "395,200".
std::string formatNumber(int64_t number);

/// "1,044 B an example", "395,200 B a micro-batch", or both joined by " + ".
std::string describe(const Amount &amount, llvm::StringRef unit);

} // namespace heter

#endif
