// Collecting and printing errors with the source line and an underline.
#include "frontend/syntax/Diagnostics.h"

#include <algorithm>

namespace heter::frontend {

Diagnostic &Diagnostic::note(SourceRange range, std::string message) {
  if (range.isValid())
    notes_.push_back({range, std::move(message)});
  return *this;
}

Diagnostic &Diagnostic::help(std::string text) {
  help_ = std::move(text);
  return *this;
}

static bool isBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/// One place: "FILE:LINE:COL: kind: message", then its line without indentation and an underline. A long line is cut to
/// a window around the range.
static void printPlace(std::ostream &os, const SourceManager &sources, SourceRange range, std::string_view kind,
                       std::string_view message) {
  if (!range.isValid()) {
    os << kind << ": " << message << "\n";
    return;
  }
  os << sources.location(range) << ": " << kind << ": " << message << "\n";
  const SourceFile &file = sources.file(range.file);
  std::string_view line = file.line(range.begin);
  size_t begin = std::min<size_t>(range.begin - file.lineBegin(range.begin), line.size());
  size_t end = std::clamp<size_t>(range.end - file.lineBegin(range.begin), begin, line.size());
  size_t indent = 0;
  while (indent < begin && isBlank(line[indent]))
    ++indent;
  constexpr size_t window = 160;
  if (begin - indent > window)
    indent = begin - window / 2;
  line = line.substr(0, std::min(line.size(), indent + 2 * window));
  end = std::min(end, std::max(line.size(), begin));
  while (end > begin + 1 && isBlank(line[end - 1]))
    --end;
  auto visible = [](std::string_view text) {
    std::string shown(text);
    for (char &c : shown)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
        c = ' ';
    return shown;
  };
  os << "  " << visible(line.substr(indent)) << "\n  ";
  os << std::string(countCharacters(line.substr(indent, begin - indent)), ' ') << '^';
  int width = countCharacters(line.substr(begin, end - begin));
  os << std::string(std::max(0, width - 1), '~') << "\n";
}

void Diagnostic::print(std::ostream &os, const SourceManager &sources) const {
  printPlace(os, sources, range_, "error", message_);
  for (const Note &note : notes_)
    printPlace(os, sources, note.range, "note", note.message);
  if (!help_.empty())
    os << "  help: " << help_ << "\n";
}

Diagnostic &DiagnosticEngine::error(SourceRange range, std::string message) {
  hasErrors_ = true;
  for (const Diagnostic &known : errors_)
    if (known.range() == range && known.message() == message)
      return dropped_ = Diagnostic(range, std::move(message));
  if (isFull())
    return dropped_ = Diagnostic(range, std::move(message));
  return errors_.emplace_back(range, std::move(message));
}

void DiagnosticEngine::print(std::ostream &os) const {
  std::vector<const Diagnostic *> ordered;
  for (const Diagnostic &error : errors_)
    ordered.push_back(&error);
  std::stable_sort(ordered.begin(), ordered.end(), [](const Diagnostic *a, const Diagnostic *b) {
    if (a->range().file != b->range().file)
      return a->range().file > b->range().file;
    return a->range().begin < b->range().begin;
  });
  for (const Diagnostic *error : ordered)
    error->print(os, sources_);
  if (isFull())
    os << "stopped after " << maxErrors << " errors\n";
}

} // namespace heter::frontend
