// The model language: lexer, parser and checker, and the printing of what they find. Every text is answered with a
// model or with errors, never with both or neither.
#include "frontend/check/Check.h"
#include "tests/fuzz/Fuzz.h"

#include <sstream>

namespace heter::fuzz {

std::vector<Seed> seeds() {
  std::vector<Seed> result;
  for (const char *folder : {"samples", "tests/frontend/models", "tests/frontend/errors"})
    for (const std::string &path : listSources(folder, ".heter")) {
      std::string name = path.substr(path.rfind('/') + 1), text = readSource(path);
      if (name.starts_with("limit-"))
        continue; // reaching a limit takes long, and finds nothing new
      // Imports are not found from here, and what is imported is no whole model.
      bool whole = text.find("minimize") != std::string::npos && text.find("import") == std::string::npos;
      result.push_back({name, text, whole && !path.starts_with("tests/frontend/errors")});
    }
  return result;
}

bool accepts(std::string_view input) {
  frontend::SourceManager sources;
  frontend::DiagnosticEngine diagnostics(sources);
  auto model = frontend::checkSource(sources.add("m.heter", std::string(input)), sources, diagnostics);
  check(model.has_value() != diagnostics.hasErrors(), "a text has neither a model nor errors, or both");
  std::ostringstream text;
  diagnostics.print(text);
  return model.has_value();
}

} // namespace heter::fuzz
