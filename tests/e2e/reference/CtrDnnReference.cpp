// ctr_dnn_reference: trains the CTR-DNN in double precision and prints `STEP LOSS` a step.
//
//   ctr_dnn_reference --data FILE.. [--lines A:B] [--batch-size N | --batch-sizes N,N,..] [--epochs N] [--steps N]
//                     [--seed S] [--test-lines A:B] [--predict-lines A:B]
//
// Batches are consecutive lines in file order; no batch crosses the end of an epoch, so its last one may be smaller.
// Sizes of --batch-sizes are used in turn. With --test-lines the AUC on those lines goes to standard error at the end.
// With
// --predict-lines the click probability of each of those lines, one a line, is printed in place of the losses.
#include "Network.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <stdexcept>

namespace {

struct Lines {
  int64_t first = 1;
  int64_t last = 0;
};

struct Options {
  std::vector<std::string> data;
  Lines lines;
  Lines testLines;
  bool test = false;
  Lines predictLines;
  bool predict = false;
  std::vector<int64_t> batchSizes = {128};
  int64_t epochs = 1;
  int64_t steps = -1;
  uint64_t seed = 0;
};

Lines parseLines(const std::string &text) {
  const size_t colon = text.find(':');
  if (colon == std::string::npos)
    throw std::runtime_error("lines are written A:B, not " + text);
  return {std::stoll(text.substr(0, colon)), std::stoll(text.substr(colon + 1))};
}

std::vector<int64_t> parseSizes(const std::string &text) {
  std::vector<int64_t> sizes;
  std::istringstream in(text);
  for (std::string size; std::getline(in, size, ',');) {
    sizes.push_back(std::stoll(size));
    if (sizes.back() < 1)
      throw std::runtime_error("a batch has at least one example");
  }
  return sizes;
}

Options parseOptions(int count, char **arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string flag = arguments[i];
    const auto value = [&]() -> std::string {
      if (++i == count)
        throw std::runtime_error(flag + " needs a value");
      return arguments[i];
    };
    if (flag == "--data") {
      options.data.push_back(value());
      while (i + 1 < count && arguments[i + 1][0] != '-')
        options.data.emplace_back(arguments[++i]);
    } else if (flag == "--lines") {
      options.lines = parseLines(value());
    } else if (flag == "--test-lines") {
      options.testLines = parseLines(value());
      options.test = true;
    } else if (flag == "--predict-lines") {
      options.predictLines = parseLines(value());
      options.predict = true;
    } else if (flag == "--batch-size" || flag == "--batch-sizes") {
      options.batchSizes = parseSizes(value());
    } else if (flag == "--epochs") {
      options.epochs = std::stoll(value());
    } else if (flag == "--steps") {
      options.steps = std::stoll(value());
    } else if (flag == "--seed") {
      options.seed = std::stoull(value());
    } else {
      throw std::runtime_error("no flag is called " + flag);
    }
  }
  if (options.data.empty() || options.batchSizes.empty())
    throw std::runtime_error("give lines to train on: --data FILE");
  return options;
}

void train(const Options &options) {
  const std::vector<reference::Example> examples =
      reference::readLines(options.data, options.lines.first, options.lines.last);
  reference::Network network(options.seed, {400, 400, 400});
  int64_t step = 0;
  for (int64_t epoch = 0; epoch < options.epochs; ++epoch)
    for (size_t first = 0; first < examples.size() && step != options.steps; ++step) {
      const auto wanted =
          static_cast<size_t>(options.batchSizes[static_cast<size_t>(step) % options.batchSizes.size()]);
      const size_t size = std::min(wanted, examples.size() - first);
      const double loss = network.step(std::span(examples).subspan(first, size));
      if (!options.predict)
        std::printf("%lld %.17g\n", static_cast<long long>(step), loss);
      first += size;
    }
  if (options.predict) {
    const std::vector<reference::Example> unseen =
        reference::readLines(options.data, options.predictLines.first, options.predictLines.last);
    for (const double logit : network.logits(unseen))
      std::printf("%.17g\n", 1 / (1 + std::exp(-logit)));
  }
  if (options.test) {
    const std::vector<reference::Example> unseen =
        reference::readLines(options.data, options.testLines.first, options.testLines.last);
    std::fprintf(stderr, "test AUC %.6f\n", reference::areaUnderCurve(network.logits(unseen), unseen));
  }
}

} // namespace

int main(int count, char **arguments) {
  try {
    train(parseOptions(count, arguments));
    return EXIT_SUCCESS;
  } catch (const std::exception &error) {
    std::cerr << "ctr_dnn_reference: " << error.what() << "\n";
    return EXIT_FAILURE;
  }
}
