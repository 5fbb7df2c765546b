// Which products of a graph may hand a parameter's gradient over for an update while the frame still runs, and after
// which nodes.
#ifndef HETER_RUNTIME_GRAPH_UPDATES_H
#define HETER_RUNTIME_GRAPH_UPDATES_H

#include "runtime/package/Package_types.h"

#include <vector>

namespace heter::runtime {

/// A LIBRARY node whose result is the gradient of a parameter and goes nowhere else. The parameter may be written over
/// while the node runs, once `readers` have ended, which all come before it in the graph.
struct UpdatingProduct {
  int node = 0;
  int push = 0;             ///< The PUSH_DENSE node.
  std::vector<int> readers; ///< The parameter's pulls and all nodes that read what they give.
  std::vector<int> pulled;  ///< The values that they give.
};

/// Those of parameters that are large enough for it to pay: a smaller one's gradient stays in a cache until the step is
/// closed, and its update fills the time in which one thread sorts keys.
std::vector<UpdatingProduct> findUpdatingProducts(const package::Graph &graph);

} // namespace heter::runtime

#endif // HETER_RUNTIME_GRAPH_UPDATES_H
