// Values of benchmarks that end with the first error.
#ifndef HETER_BENCH_ORTHROW_H
#define HETER_BENCH_ORTHROW_H

#include "runtime/base/Status.h"

#include <stdexcept>
#include <utility>

namespace heter::bench {

/// The value; throws the error's message.
template <typename T> T orThrow(runtime::StatusOr<T> result) {
  if (!result.ok())
    throw std::runtime_error(result.status().message());
  return std::move(*result);
}

} // namespace heter::bench

#endif // HETER_BENCH_ORTHROW_H
