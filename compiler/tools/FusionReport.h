// The part of --explain that tells what was fused, what was not, and why.
#ifndef HETER_COMPILER_TOOLS_FUSIONREPORT_H
#define HETER_COMPILER_TOOLS_FUSIONREPORT_H

#include "mlir/IR/Remarks.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace heter::compiler {

/// Collects the remarks of passes (passes/Remarks.h). Used by one thread.
class FusionReport {
public:
  /// What a context gives its remarks to; writes here, so this has to live as long.
  std::unique_ptr<mlir::remark::detail::MLIRRemarkStreamerBase> makeStreamer();

  /// The remarks of each program, those of one reason together under it, or "" if there are none.
  std::string text() const;

private:
  class Streamer;

  /// Texts in the order in which they first came, each with something of its own.
  template <typename T> using Listing = std::vector<std::pair<std::string, T>>;

  Listing<Listing<Listing<Listing<int>>>> counts_; ///< By program, reason, place in the source, what it is about.
};

} // namespace heter::compiler

#endif // HETER_COMPILER_TOOLS_FUSIONREPORT_H
