// Errors for people: a place, what is wrong, the line with the range underlined, notes at other places and a help line
// with the mend. The engine collects them; it keeps the first 20 and drops repetitions (copies of one function body
// report the same error at the same place).
#ifndef HETER_FRONTEND_SYNTAX_DIAGNOSTICS_H
#define HETER_FRONTEND_SYNTAX_DIAGNOSTICS_H

#include "frontend/syntax/Source.h"

#include <deque>
#include <ostream>
#include <string>
#include <vector>

namespace heter::frontend {

class Diagnostic {
public:
  Diagnostic(SourceRange range, std::string message) : range_(range), message_(std::move(message)) {}

  /// Adds "note: message" at another place. Ignored for a range that is nowhere.
  Diagnostic &note(SourceRange range, std::string message);
  /// Sets the help line; an empty text leaves it out.
  Diagnostic &help(std::string text);

  SourceRange range() const { return range_; }
  const std::string &message() const { return message_; }
  void print(std::ostream &os, const SourceManager &sources) const;

private:
  struct Note {
    SourceRange range;
    std::string message;
  };
  SourceRange range_;
  std::string message_;
  std::vector<Note> notes_;
  std::string help_;
};

class DiagnosticEngine {
public:
  static constexpr size_t maxErrors = 20;

  explicit DiagnosticEngine(const SourceManager &sources) : sources_(sources) {}

  /// Records an error. The reference is valid until the next call.
  Diagnostic &error(SourceRange range, std::string message);

  /// Every error so far, also the dropped ones.
  bool hasErrors() const { return hasErrors_; }
  /// Whether checking may stop: the limit is reached.
  bool isFull() const { return errors_.size() >= maxErrors; }
  const std::deque<Diagnostic> &errors() const { return errors_; }
  const SourceManager &sources() const { return sources_; }

  /// Prints all errors in the order of their places; the main file's come last if imports have some.
  void print(std::ostream &os) const;

private:
  const SourceManager &sources_;
  std::deque<Diagnostic> errors_;
  Diagnostic dropped_{{}, ""};
  bool hasErrors_ = false;
};

} // namespace heter::frontend

#endif // HETER_FRONTEND_SYNTAX_DIAGNOSTICS_H
