// The tiny model's graphs, a function a role and a kind of frame (TinyModel.h puts them into packages).
#ifndef HETER_TESTS_RUNTIME_ROLE_TINYGRAPHS_H
#define HETER_TESTS_RUNTIME_ROLE_TINYGRAPHS_H

#include "runtime/package/Package_types.h"
#include "tests/runtime/support/GraphBuilder.h"

namespace heter::runtime::test {

inline constexpr int64_t denseSize = 3;
inline constexpr int64_t slotCount = 4;
inline constexpr int64_t rowDim = 2;

/// A float tensor of `size` columns, a row an example.
inline package::TensorType batchOf(int64_t size) { return f32({-1, size}); }

/// Modes local and ps: all of a step in one program.
package::Graph wholeGraph(bool training);
package::Graph wholePrediction();
/// Mode heter-ps where cpu-trainers look rows up: what they do, and what heter-trainers do.
package::Graph sparseGraph(bool training);
package::Graph sparsePrediction();
package::Graph denseGraph(bool training);
package::Graph densePrediction();
/// Mode heter-ps where heter-trainers look rows up: cpu-trainers read and send ids.
package::Graph readingGraph(bool training);
package::Graph readingPrediction();
package::Graph lookingUpGraph(bool training);
package::Graph lookingUpPrediction();

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_ROLE_TINYGRAPHS_H
