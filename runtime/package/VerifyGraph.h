// The verifier's parts, each over one graph, used by Verify.cpp.
#ifndef HETER_RUNTIME_PACKAGE_VERIFYGRAPH_H
#define HETER_RUNTIME_PACKAGE_VERIFYGRAPH_H

#include "runtime/base/Status.h"
#include "runtime/package/Package_types.h"

#include <vector>

namespace heter::runtime {

/// No value is read where it is not: only COPY nodes read one space and write the other, and handlers see host memory.
/// REQUIRES: verifyGraph(graph) is ok.
Status verifySpaces(const package::Graph &graph);

/// No two values that are alive together share memory, except that a node writes over the input that it names.
/// REQUIRES: verifyGraph(graph) is ok.
Status verifyMemory(const package::Graph &graph);

/// What is marked `update_after` may be updated so: a product makes the gradient, for that push alone, and after all
/// nodes that read the parameter. REQUIRES: verifyGraph(graph) is ok.
Status verifyUpdates(const package::Graph &graph);

/// For each segment, the largest sum of the bytes of values that are alive at once when the nodes run in their order:
/// from their maker's start to their last user's end (or start, if that writes over them), results and what is sent or
/// pushed to the graph's end. No plan can do with less. REQUIRES: verifyGraph(graph) is ok.
std::vector<int64_t> mostLiveBytes(const package::Graph &graph);

} // namespace heter::runtime

#endif // HETER_RUNTIME_PACKAGE_VERIFYGRAPH_H
