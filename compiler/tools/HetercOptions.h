// The command line of heterc.
#ifndef HETER_COMPILER_TOOLS_HETERCOPTIONS_H
#define HETER_COMPILER_TOOLS_HETERCOPTIONS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>

namespace heter::compiler {

struct HetercOptions {
  std::string input;
  std::string output;
  std::optional<std::string> mode; ///< local, ps or heter-ps, if it was given
  std::string dumpFolder;          ///< empty: no dumps
  bool explain = false;
  bool noFuse = false;
  bool help = false;
};

/// Fails with one sentence that names the flag and the mend.
llvm::Expected<HetercOptions> parseHetercOptions(llvm::ArrayRef<char *> arguments);

llvm::StringRef hetercHelp();

} // namespace heter::compiler

#endif // HETER_COMPILER_TOOLS_HETERCOPTIONS_H
