// Helpers of the model language's tests: check a text, print what is wrong, find the test files.
#ifndef HETER_TESTS_FRONTEND_CHECKFIXTURE_H
#define HETER_TESTS_FRONTEND_CHECKFIXTURE_H

#include "frontend/check/Check.h"

#include <optional>
#include <sstream>
#include <string>

namespace heter::frontend {

/// What checking one file gives.
struct Checked {
  SourceManager sources;
  DiagnosticEngine diagnostics{sources};
  std::optional<Model> model;

  /// Checks a text under the name m.heter.
  explicit Checked(std::string text, std::string path = "m.heter") {
    model = checkSource(sources.add(std::move(path), std::move(text)), sources, diagnostics);
  }
  std::string errors() const {
    std::ostringstream os;
    diagnostics.print(os);
    return os.str();
  }
};

} // namespace heter::frontend

#endif // HETER_TESTS_FRONTEND_CHECKFIXTURE_H
