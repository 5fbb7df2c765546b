// Loops over rows of a few floats are much faster when the compiler knows how long the rows are.
#ifndef HETER_RUNTIME_BASE_KNOWNCOUNT_H
#define HETER_RUNTIME_BASE_KNOWNCOUNT_H

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

namespace heter::runtime {

/// Calls visit(count), with a std::integral_constant if it is one of the usual dims.
template <typename Visit> void withKnownCount(size_t count, Visit visit) {
  const auto choose = [&]<size_t... known>(std::index_sequence<known...>) {
    return ((count == known + 1 && (visit(std::integral_constant<size_t, known + 1>()), true)) || ...);
  };
  if (choose(std::make_index_sequence<16>()))
    return;
  if (count == 32)
    visit(std::integral_constant<size_t, 32>());
  else if (count == 64)
    visit(std::integral_constant<size_t, 64>());
  else
    visit(count);
}

/// Copies floats that do not overlap. `count` is a number or a std::integral_constant.
void copyFloats(float *to, const float *from, auto count) { std::memcpy(to, from, size_t{count} * sizeof(float)); }

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_KNOWNCOUNT_H
