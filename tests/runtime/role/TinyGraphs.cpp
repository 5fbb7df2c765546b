// The tiny model's graphs, node by node.
#include "tests/runtime/role/TinyGraphs.h"

namespace heter::runtime::test {
namespace {

/// Builds one graph of a role; the value numbers of its parts.
struct TinyGraph : GraphBuilder {
  int dense = -1, slots = -1, keys = -1, places = -1, click = -1, s = -1, w = -1, p = -1, loss = -1, dlogit = -1,
      dw = -1, ds = -1;

  void readBatch(bool labelled = true) {
    input("dense", dense = placed("dense", batchOf(denseSize)));
    input("slots", slots = placed("slots", i64({-1, slotCount})));
    if (labelled)
      input("click", click = placed("click", f32({-1})));
  }
  void lookUp() {
    s = placed("s", batchOf(rowDim));
    library("unique_keys", {slots},
            {keys = bound("keys", f32({0}), ValueKind::ROWS), places = placed("places", i64({-1, slotCount}))});
    const int pulled = bound("pulled", f32({rowDim}), ValueKind::ROWS);
    node(NodeKind::PULL_ROWS, "emb", "", {keys}, {pulled}, {{"table", text("emb")}, {"part", text("")}});
    library("lookup", {pulled, places}, {s}, {{"pools", text("sum")}});
  }
  void compute(bool training, Space::type space) {
    p = placed("p", f32({-1}), space);
    loss = placed("loss", f32({}), space);
    dlogit = placed("dlogit", f32({-1}), space);
    kernel("forward", {s, dense, w, click}, {p, loss, dlogit});
    if (!training)
      return;
    dw = placed("dw", f32({denseSize}), space);
    ds = placed("ds", batchOf(rowDim), space);
    kernel("backward", {dlogit, dense}, {dw, ds});
  }
  void pullW() {
    w = bound("w", f32({denseSize}));
    node(NodeKind::PULL_DENSE, "w", "", {}, {w}, {{"parameter", text("w")}});
  }
  void pushW() { node(NodeKind::PUSH_DENSE, "w", "", {dw}, {}, {{"parameter", text("w")}}); }
  void pushRows() {
    int rows = bound("rows", f32({rowDim}), ValueKind::ROWS);
    library("lookup_grad", {keys, places, ds}, {rows},
            {{"pools", text("sum")}, {"dim", integer(rowDim)}, {"begins", integers({0})}});
    node(NodeKind::PUSH_ROWS, "emb", "", {rows}, {}, {{"table", text("emb")}, {"part", text("")}});
  }
  void computePrediction(Space::type space) {
    p = placed("p", f32({-1}), space);
    kernel("predict", {s, dense, w}, {p});
  }
  void report() {
    node(NodeKind::REPORT, "loss", "", {loss}, {}, {{"metric", text("loss")}, {"name", text("loss")}});
    node(NodeKind::REPORT, "auc", "", {p, click}, {}, {{"metric", text("auc")}, {"name", text("auc")}});
  }
  /// Copies `from` to the device; gives the copy.
  int toDevice(int from) {
    int copied = placed(graph.values[static_cast<size_t>(from)].name + ".device",
                        graph.values[static_cast<size_t>(from)].type, Space::DEVICE);
    copy(from, copied);
    return copied;
  }
  /// Copies what a loss, or a prediction (without `newClick`), is computed of to the device.
  void allToDevice(int newS, int newDense, int newClick = -1) {
    s = toDevice(newS);
    dense = toDevice(newDense);
    if (newClick >= 0)
      click = toDevice(newClick);
    w = toDevice(w);
  }
  int toHost(int from) {
    int copied =
        placed(graph.values[static_cast<size_t>(from)].name + ".host", graph.values[static_cast<size_t>(from)].type);
    copy(from, copied);
    return copied;
  }
  void send(const std::string &channel, std::vector<int> values) {
    node(NodeKind::SEND, "send", "", values, {}, {{"channel", text(channel)}});
  }
  void receive(const std::string &channel, std::vector<int> values) {
    node(NodeKind::RECV, "receive", "", {}, values, {{"channel", text(channel)}});
  }
};

} // namespace

package::Graph wholeGraph(bool training) {
  TinyGraph g;
  g.readBatch();
  g.lookUp();
  g.pullW();
  g.compute(training, Space::HOST);
  if (training) {
    g.pushRows();
    g.pushW();
  }
  g.report();
  return g.graph;
}

package::Graph sparseGraph(bool training) {
  TinyGraph g;
  g.readBatch();
  g.lookUp();
  g.send(training ? "c0" : "c2", {g.s, g.dense, g.click});
  g.p = g.placed("p", f32({-1}));
  g.loss = g.bound("loss", f32({}));
  std::vector<int> values{g.p, g.loss};
  if (training)
    values.push_back(g.ds = g.placed("ds", batchOf(rowDim)));
  g.receive(training ? "c1" : "c3", values);
  if (training)
    g.pushRows();
  g.report();
  return g.graph;
}

package::Graph denseGraph(bool training) {
  TinyGraph g;
  int s = g.bound("s", batchOf(rowDim)), dense = g.placed("dense", batchOf(denseSize)),
      click = g.bound("click", f32({-1}));
  g.receive(training ? "c0" : "c2", {s, dense, click});
  g.pullW();
  g.allToDevice(s, dense, click);
  g.compute(training, Space::DEVICE);
  std::vector<int> values{g.toHost(g.p), g.toHost(g.loss)};
  if (training) {
    values.push_back(g.toHost(g.ds));
    g.dw = g.toHost(g.dw);
    g.pushW();
  }
  g.send(training ? "c1" : "c3", values);
  return g.graph;
}

/// Where heter-trainers look rows up, the cpu-trainer sends ids.
package::Graph readingGraph(bool training) {
  TinyGraph g;
  g.readBatch();
  g.send(training ? "c0" : "c2", {g.slots, g.dense, g.click});
  g.receive(training ? "c1" : "c3", {g.p = g.placed("p", f32({-1})), g.loss = g.bound("loss", f32({}))});
  g.report();
  return g.graph;
}

package::Graph lookingUpGraph(bool training) {
  TinyGraph g;
  int dense = g.placed("dense", batchOf(denseSize)), click = g.bound("click", f32({-1}));
  g.slots = g.bound("slots", i64({-1, slotCount}));
  g.receive(training ? "c0" : "c2", {g.slots, dense, click});
  g.lookUp();
  g.pullW();
  g.allToDevice(g.s, dense, click);
  g.compute(training, Space::DEVICE);
  std::vector<int> values{g.toHost(g.p), g.toHost(g.loss)};
  if (training) {
    g.ds = g.toHost(g.ds);
    g.dw = g.toHost(g.dw);
    g.pushRows();
    g.pushW();
  }
  g.send(training ? "c1" : "c3", values);
  return g.graph;
}

package::Graph readingPrediction() {
  TinyGraph g;
  g.readBatch(/*labelled=*/false);
  g.send("c4", {g.slots, g.dense});
  g.receive("c5", {g.p = g.placed("p", f32({-1}))});
  g.predict("p", g.p);
  return g.graph;
}

package::Graph lookingUpPrediction() {
  TinyGraph g;
  int dense = g.placed("dense", batchOf(denseSize));
  g.slots = g.bound("slots", i64({-1, slotCount}));
  g.receive("c4", {g.slots, dense});
  g.lookUp();
  g.pullW();
  g.allToDevice(g.s, dense);
  g.computePrediction(Space::DEVICE);
  g.send("c5", {g.toHost(g.p)});
  return g.graph;
}

package::Graph wholePrediction() {
  TinyGraph g;
  g.readBatch(/*labelled=*/false);
  g.lookUp();
  g.pullW();
  g.computePrediction(Space::HOST);
  g.predict("p", g.p);
  return g.graph;
}

package::Graph sparsePrediction() {
  TinyGraph g;
  g.readBatch(/*labelled=*/false);
  g.lookUp();
  g.send("c4", {g.s, g.dense});
  g.receive("c5", {g.p = g.placed("p", f32({-1}))});
  g.predict("p", g.p);
  return g.graph;
}

package::Graph densePrediction() {
  TinyGraph g;
  int s = g.bound("s", batchOf(rowDim)), dense = g.placed("dense", batchOf(denseSize));
  g.receive("c4", {s, dense});
  g.pullW();
  g.allToDevice(s, dense);
  g.computePrediction(Space::DEVICE);
  g.send("c5", {g.toHost(g.p)});
  return g.graph;
}

} // namespace heter::runtime::test
