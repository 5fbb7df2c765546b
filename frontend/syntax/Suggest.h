// "Did you mean": the nearest known name by edit distance, as clang does it, and the habits people bring from other
// languages.
#ifndef HETER_FRONTEND_SYNTAX_SUGGEST_H
#define HETER_FRONTEND_SYNTAX_SUGGEST_H

#include <string>
#include <string_view>
#include <vector>

namespace heter::frontend {

/// The candidate at most a third of `name`'s length away (letter case aside), or "" if there is none or several are
/// equally near.
std::string nearest(std::string_view name, const std::vector<std::string> &candidates);

/// What `name` from another language is here (`True` is `true`, `def` is `fn`), or "".
std::string habit(std::string_view name);

/// "did you mean `X`?", or "" if nothing is near.
std::string didYouMean(std::string_view name, const std::vector<std::string> &candidates);

} // namespace heter::frontend

#endif // HETER_FRONTEND_SYNTAX_SUGGEST_H
