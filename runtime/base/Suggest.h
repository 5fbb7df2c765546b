// "Did you mean": the one known word that is near to a misspelt one.
#ifndef HETER_RUNTIME_BASE_SUGGEST_H
#define HETER_RUNTIME_BASE_SUGGEST_H

#include <span>
#include <string>
#include <string_view>

namespace heter::runtime {

/// The least number of insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
int editDistance(std::string_view a, std::string_view b);

/// The candidate nearest to `word`, if its distance is at most a third of the word's length (at least 1) and no other
/// candidate is as near; else "".
std::string nearestWord(std::string_view word, std::span<const std::string> candidates);

/// "; did you mean `WORD`?" or "", to put at the end of a message.
std::string didYouMean(std::string_view word, std::span<const std::string> candidates);

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_SUGGEST_H
