// The cases of KernelCases.h, one function a kind of operation.
#include "tests/compiler/kernels/KernelCases.h"

#include <utility>

namespace heter::compiler {
namespace {

void addElementwise(std::vector<Case> &cases) {
  for (const char *type : {"tensor<?xf32>", "tensor<?x7xf32>", "tensor<?x3x5xf32>", "tensor<33xf32>", "tensor<f32>"}) {
    std::string t = type, suffix = std::to_string(cases.size());
    for (std::string op : {"neg", "relu", "floor", "sigmoid", "tanh", "exp", "square", "log", "sqrt"})
      cases.push_back({op + suffix,
                       kernelText(op + suffix, "%x: " + t, "  %r = nn." + op + " %x : " + t, t),
                       {op == "log" || op == "sqrt" ? Fill::Share : Fill::Any}});
    for (std::string op : {"add", "sub", "mul", "div", "maximum", "minimum", "relu_grad"})
      cases.push_back({op + suffix,
                       kernelText(op + suffix, "%x: " + t + ", %y: " + t, "  %r = nn." + op + " %x, %y : " + t, t),
                       {Fill::Any, op == "div" ? Fill::Share : Fill::Any}});
    cases.push_back(
        {"sce" + suffix,
         kernelText("sce" + suffix, "%x: " + t + ", %y: " + t, "  %r = nn.sigmoid_cross_entropy %x, %y : " + t, t),
         {Fill::Any, Fill::Label}});
    cases.push_back({"log_loss" + suffix,
                     kernelText("log_loss" + suffix, "%x: " + t + ", %y: " + t,
                                "  %r = nn.log_loss %x, %y epsilon(1.0e-04) : " + t, t),
                     {Fill::Share, Fill::Label}});
  }
}

void addComparisons(std::vector<Case> &cases) {
  for (std::string element : {"f32", "i64"})
    for (std::string comparison : {"gt", "lt", "ge", "le", "eq", "ne"}) {
      std::string name = "compare_" + comparison + "_" + element, shape = "tensor<?x3x", t = shape + element + ">";
      cases.push_back({name,
                       kernelText(name, "%x: " + t + ", %y: " + t,
                                  "  %c = nn.compare " + comparison + " %x, %y : " + t + "\n  %r = nn.cast %c : (" +
                                      shape + "i1>) -> " + shape + "f32>",
                                  shape + "f32>"),
                       {Fill::Class, Fill::Class}});
    }
}

void addReductions(std::vector<Case> &cases) {
  struct Shape {
    const char *in, *axes, *out;
  };
  for (Shape s : {Shape{"tensor<?xf32>", "[0]", "tensor<f32>"},
                  {"tensor<?x1xf32>", "[0, 1]", "tensor<f32>"},
                  {"tensor<?x400xf32>", "[0]", "tensor<400xf32>"},
                  {"tensor<?x400xf32>", "[1]", "tensor<?xf32>"},
                  {"tensor<?x37xf32>", "[0, 1]", "tensor<f32>"},
                  {"tensor<?x26x9xf32>", "[1]", "tensor<?x9xf32>"},
                  {"tensor<?x26x9xf32>", "[2]", "tensor<?x26xf32>"},
                  {"tensor<?x26x9xf32>", "[0, 2]", "tensor<26xf32>"},
                  {"tensor<?x26x9xf32>", "[1, 2]", "tensor<?xf32>"},
                  {"tensor<?x2xf32>", "[1]", "tensor<?xf32>"},
                  {"tensor<?x1xf32>", "[1]", "tensor<?xf32>"},
                  {"tensor<5x33xf32>", "[0]", "tensor<33xf32>"}})
    for (std::string op : {"reduce_sum", "reduce_mean", "reduce_max"}) {
      std::string name = op + std::to_string(cases.size()), in = s.in, out = s.out;
      cases.push_back(
          {name,
           kernelText(name, "%x: " + in, "  %r = nn." + op + " %x axes " + s.axes + " : (" + in + ") -> " + out, out),
           {Fill::Any}});
    }
}

void addRowOperations(std::vector<Case> &cases) {
  for (auto [type, axis] : {std::pair{"tensor<?x2xf32>", 1},
                            {"tensor<?x37xf32>", 1},
                            {"tensor<?x5x3xf32>", 1},
                            {"tensor<?x5x16xf32>", 2}}) {
    std::string t = type, a = " axis(" + std::to_string(axis) + ") : ", n = std::to_string(cases.size());
    cases.push_back(
        {"softmax" + n, kernelText("softmax" + n, "%x: " + t, "  %r = nn.softmax %x" + a + t, t), {Fill::Any}});
    cases.push_back(
        {"softmax_grad" + n,
         kernelText("softmax_grad" + n, "%g: " + t + ", %y: " + t, "  %r = nn.softmax_grad %g, %y" + a + t, t),
         {Fill::Any, Fill::Share}});
  }
  cases.push_back({"layer_norm",
                   kernelText("layer_norm", "%x: tensor<?x37xf32>, %s: tensor<37xf32>, %b: tensor<37xf32>",
                              "  %r = nn.layer_norm %x, %s, %b epsilon(1.0e-05) : (tensor<?x37xf32>, tensor<37xf32>, "
                              "tensor<37xf32>) -> tensor<?x37xf32>",
                              "tensor<?x37xf32>"),
                   {Fill::Any, Fill::Any, Fill::Any}});
  cases.push_back({"layer_norm_grad",
                   kernelText("layer_norm_grad", "%g: tensor<?x37xf32>, %x: tensor<?x37xf32>, %s: tensor<37xf32>",
                              "  %r = nn.layer_norm_grad %g, %x, %s epsilon(1.0e-05) : (tensor<?x37xf32>, "
                              "tensor<?x37xf32>, tensor<37xf32>) -> tensor<?x37xf32>",
                              "tensor<?x37xf32>"),
                   {Fill::Any, Fill::Any, Fill::Any}});
  // As the gradient of a layer_norm's own parameters has it.
  cases.push_back({"layer_norm_of_constants",
                   kernelText("layer_norm_of_constants", "%x: tensor<?x37xf32>",
                              "  %s = nn.constant dense<1.0> : tensor<37xf32>\n  %b = nn.constant dense<0.5> : "
                              "tensor<37xf32>\n  %r = nn.layer_norm %x, %s, %b epsilon(1.0e-05) : (tensor<?x37xf32>, "
                              "tensor<37xf32>, tensor<37xf32>) -> tensor<?x37xf32>",
                              "tensor<?x37xf32>"),
                   {Fill::Any}});
  for (std::string label : {"f32", "i64"}) {
    cases.push_back({"softmax_cross_entropy_" + label,
                     kernelText("softmax_cross_entropy_" + label, "%x: tensor<?x7xf32>, %y: tensor<?x" + label + ">",
                                "  %r = nn.softmax_cross_entropy %x, %y : (tensor<?x7xf32>, tensor<?x" + label +
                                    ">) -> tensor<?xf32>",
                                "tensor<?xf32>"),
                     {Fill::Any, Fill::Class}});
    cases.push_back({"softmax_cross_entropy_grad_" + label,
                     kernelText("softmax_cross_entropy_grad_" + label,
                                "%g: tensor<?xf32>, %x: tensor<?x7xf32>, %y: tensor<?x" + label + ">",
                                "  %r = nn.softmax_cross_entropy_grad %g, %x, %y : (tensor<?xf32>, tensor<?x7xf32>, "
                                "tensor<?x" +
                                    label + ">) -> tensor<?x7xf32>",
                                "tensor<?x7xf32>"),
                     {Fill::Any, Fill::Any, Fill::Class}});
    // Together, and where nobody wants one of them.
    for (const std::string wanted : {"both", "loss", "gradient"}) {
      const std::string name = "loss_and_gradient_" + wanted + "_" + label;
      const std::string y = "tensor<?x" + label + ">", loss = "tensor<?xf32>", gradient = "tensor<?x7xf32>";
      const std::string values = wanted == "both" ? "%l, %d" : wanted == "loss" ? "%l" : "%d";
      const std::string types = wanted == "both" ? loss + ", " + gradient : wanted == "loss" ? loss : gradient;
      cases.push_back({name,
                       "func.func @" + name + "(%x: tensor<?x7xf32>, %y: " + y + ", %g: tensor<?xf32>) -> (" + types +
                           ") {\n  %l = nn.softmax_cross_entropy %x, %y : (tensor<?x7xf32>, " + y + ") -> " + loss +
                           "\n  %d = nn.softmax_cross_entropy_grad %g, %x, %y : (tensor<?xf32>, tensor<?x7xf32>, " + y +
                           ") -> " + gradient + "\n  return " + values + " : " + types + "\n}\n",
                       {Fill::Any, Fill::Class, Fill::Any}});
    }
  }
}

void addShapes(std::vector<Case> &cases) {
  auto broadcast = [&](const std::string &name, const std::string &in, const std::string &dims,
                       const std::string &out) {
    cases.push_back({name,
                     kernelText(name, "%x: " + in + ", %y: " + out,
                                "  %b = nn.broadcast %x dims " + dims + " : " + in + " -> " + out +
                                    "\n  %r = nn.mul %b, %y : " + out,
                                out),
                     {Fill::Any, Fill::Any}});
  };
  broadcast("broadcast_bias", "tensor<7xf32>", "[1]", "tensor<?x7xf32>");
  broadcast("broadcast_batch", "tensor<?xf32>", "[0]", "tensor<?x7xf32>");
  broadcast("broadcast_middle", "tensor<?x5xf32>", "[0, 2]", "tensor<?x3x5xf32>");
  broadcast("broadcast_one", "tensor<?x1xf32>", "[0, 1]", "tensor<?x20xf32>");
  broadcast("broadcast_scalar", "tensor<f32>", "[]", "tensor<?xf32>");
  cases.push_back({"reshape",
                   kernelText("reshape", "%x: tensor<?x1x3xf32>",
                              "  %n = nn.neg %x : tensor<?x1x3xf32>\n"
                              "  %r = nn.reshape %n : tensor<?x1x3xf32> -> tensor<?x3x1xf32>",
                              "tensor<?x3x1xf32>"),
                   {Fill::Any}});
  cases.push_back({"cast",
                   kernelText("cast", "%x: tensor<?x3xi64>", "  %r = nn.cast %x : (tensor<?x3xi64>) -> tensor<?x3xf32>",
                              "tensor<?x3xf32>"),
                   {Fill::Class}});
  cases.push_back({"constant_table",
                   kernelText("constant_table", "%x: tensor<?x3xf32>",
                              "  %c = nn.constant dense<[1.5, -2.0, 3.25]> : tensor<3xf32>\n"
                              "  %b = nn.broadcast %c dims [1] : tensor<3xf32> -> tensor<?x3xf32>\n"
                              "  %r = nn.add %x, %b : tensor<?x3xf32>",
                              "tensor<?x3xf32>"),
                   {Fill::Any}});
}

void addFused(std::vector<Case> &cases) {
  // B is known from the output alone.
  cases.push_back({"fill",
                   kernelText("fill", "",
                              "  %c = nn.constant dense<2.5> : tensor<f32>\n"
                              "  %r = nn.broadcast %c dims [] : tensor<f32> -> tensor<?x4xf32>",
                              "tensor<?x4xf32>"),
                   {}});
  cases.push_back({"fused_outputs",
                   R"(func.func @fused_outputs(%g: tensor<?x40xf32>, %y: tensor<?x40xf32>)
    -> (tensor<?x40xf32>, tensor<40xf32>) {
  %d = nn.relu_grad %g, %y : tensor<?x40xf32>
  %s = nn.reduce_sum %d axes [0] : (tensor<?x40xf32>) -> tensor<40xf32>
  return %d, %s : tensor<?x40xf32>, tensor<40xf32>
}
)",
                   {Fill::Any, Fill::Any}});
  cases.push_back({"fused_mean",
                   R"(func.func @fused_mean(%x: tensor<?x1xf32>, %c: tensor<?xf32>) -> tensor<f32> {
  %b = nn.broadcast %c dims [0] : tensor<?xf32> -> tensor<?x1xf32>
  %l = nn.sigmoid_cross_entropy %x, %b : tensor<?x1xf32>
  %r = nn.reduce_mean %l axes [0, 1] : (tensor<?x1xf32>) -> tensor<f32>
  return %r : tensor<f32>
}
)",
                   {Fill::Any, Fill::Label}});
  cases.push_back(
      {"fused_broadcast_sum",
       R"(func.func @fused_broadcast_sum(%x: tensor<?x6xf32>, %c: tensor<?xf32>) -> (tensor<?x6xf32>, tensor<?xf32>) {
  %b = nn.broadcast %c dims [0] : tensor<?xf32> -> tensor<?x6xf32>
  %m = nn.mul %x, %b : tensor<?x6xf32>
  %t = nn.tanh %m : tensor<?x6xf32>
  %s = nn.reduce_sum %t axes [1] : (tensor<?x6xf32>) -> tensor<?xf32>
  return %t, %s : tensor<?x6xf32>, tensor<?xf32>
}
)",
       {Fill::Any, Fill::Any}});
}

} // namespace

std::string kernelText(const std::string &name, const std::string &arguments, const std::string &body,
                       const std::string &result) {
  return "func.func @" + name + "(" + arguments + ") -> " + result + " {\n" + body + "\n  return %r : " + result +
         "\n}\n";
}

std::vector<Case> kernelCases() {
  std::vector<Case> cases;
  addElementwise(cases);
  addComparisons(cases);
  addReductions(cases);
  addRowOperations(cases);
  addShapes(cases);
  addFused(cases);
  return cases;
}

} // namespace heter::compiler
