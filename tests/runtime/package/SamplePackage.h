// A small package that is right in every field: a ps-mode model with one table, one parameter and one dense input,
// whose heter-trainer doubles a value.
#ifndef HETER_TESTS_RUNTIME_PACKAGE_SAMPLEPACKAGE_H
#define HETER_TESTS_RUNTIME_PACKAGE_SAMPLEPACKAGE_H

#include "runtime/package/Package.h"
#include "runtime/package/Package_constants.h"
#include "tests/runtime/support/GraphBuilder.h"

namespace heter::runtime::test {

struct Sample {
  package::PackageInfo info;
  std::vector<package::RoleProgram> programs;
};

inline package::Optimizer sgd() {
  package::Optimizer optimizer;
  optimizer.name = "sgd";
  optimizer.callee = "optimizer_sgd";
  optimizer.text = "sgd(lr: 0.1)";
  return optimizer;
}

inline package::Channel channel(const std::string &name, const std::string &from, const std::string &to) {
  package::Channel made;
  made.name = name;
  made.sender = from;
  made.receiver = to;
  made.depth = 1;
  package::ChannelValue value;
  value.kind = ValueKind::TENSOR;
  value.type = f32({-1, 4});
  made.values = {value};
  return made;
}

/// ids -> rows -> send; recv -> their gradient -> push.
inline package::Graph trainerGraph() {
  GraphBuilder b;
  int ids = b.bound("slots", i64({-1, 2})), rows = b.placed("rows", f32({-1, 2, 2})),
      flat = b.placed("flat", f32({-1, 4})), back = b.bound("back", f32({-1, 4})), dy = b.placed("dy", f32({-1, 2, 2})),
      gradient = b.bound("gradient", f32({2}), ValueKind::ROWS), keys = b.bound("keys", f32({0}), ValueKind::ROWS),
      pulled = b.bound("pulled", f32({2}), ValueKind::ROWS), places = b.placed("places", i64({-1, 2}));
  b.input("slots", ids);
  b.library("unique_keys", {ids}, {keys, places});
  b.node(NodeKind::PULL_ROWS, "pull emb", "", {keys}, {pulled}, {{"table", text("emb")}, {"part", text("")}});
  b.library("lookup", {pulled, places}, {rows}, {{"pools", text("none")}});
  b.library("reshape", {rows}, {flat});
  b.node(NodeKind::SEND, "send c0", "", {flat}, {}, {{"channel", text("c0")}});
  b.node(NodeKind::RECV, "recv c1", "", {}, {back}, {{"channel", text("c1")}});
  b.library("reshape", {back}, {dy});
  b.library("lookup_grad", {keys, places, dy}, {gradient},
            {{"pools", text("none")}, {"dim", integer(2)}, {"begins", integers({0})}});
  b.node(NodeKind::PUSH_ROWS, "update emb", "", {gradient}, {}, {{"table", text("emb")}, {"part", text("")}});
  return b.graph;
}

/// recv -> times w -> send, on the device.
inline package::Graph heterGraph() {
  GraphBuilder b;
  int x = b.bound("x", f32({-1, 4})), w = b.bound("w", f32({4, 4})), dx = b.placed("dx", f32({-1, 4}), Space::DEVICE),
      dw = b.placed("dw", f32({4, 4}), Space::DEVICE), dy = b.placed("dy", f32({-1, 4}), Space::DEVICE),
      y = b.placed("y", f32({-1, 4}));
  b.node(NodeKind::RECV, "recv c0", "", {}, {x}, {{"channel", text("c0")}});
  b.node(NodeKind::PULL_DENSE, "w", "", {}, {w}, {{"parameter", text("w")}});
  b.copy(x, dx);
  b.copy(w, dw);
  b.library("matmul", {dx, dw}, {dy});
  b.graph.nodes.back().location = "sample.heter:12:5";
  b.copy(dy, y);
  b.node(NodeKind::SEND, "send c1", "", {y}, {}, {{"channel", text("c1")}});
  return b.graph;
}

inline Sample samplePackage() {
  Sample sample;
  package::PackageInfo &info = sample.info;
  info.version = package::g_Package_constants.FORMAT_VERSION;
  info.model = "sample";
  info.mode = "heter-ps";
  info.seed = 1;
  info.roles = {"cpu-trainer", "heter-trainer.heter", "server"};
  package::Input slots;
  slots.name = "slots";
  slots.kind = ValueKind::TENSOR;
  slots.type = i64({2});
  slots.label = false;
  info.inputs = {slots};
  package::Part part;
  part.dim = 2;
  part.init.kind = "uniform";
  part.init.scale = 0.01;
  part.optimizer = sgd();
  part.admit.kind = "count";
  part.admit.numbers = {{"times", 3}};
  package::Table table;
  table.name = "emb";
  table.parts = {part};
  info.tables = {table};
  package::Parameter w;
  w.name = "w";
  w.shape = {4, 4};
  w.init.kind = "zeros";
  w.init.scale = 0;
  w.optimizer = sgd();
  w.optimizer.schedule = "rate_0";
  info.parameters = {w};
  info.trainChannels = {channel("c0", "cpu-trainer", "heter-trainer.heter"),
                        channel("c1", "heter-trainer.heter", "cpu-trainer")};
  info.inferChannels = {};
  auto program = [](const std::string &role, const std::string &deviceClass, package::Graph train) {
    package::RoleProgram made;
    made.role = role;
    made.deviceClass = deviceClass;
    made.train = std::move(train);
    return made;
  };
  sample.programs = {program("cpu-trainer", "cpu", trainerGraph()),
                     program("heter-trainer.heter", "heter", heterGraph()), program("server", "cpu", {})};
  return sample;
}

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_PACKAGE_SAMPLEPACKAGE_H
