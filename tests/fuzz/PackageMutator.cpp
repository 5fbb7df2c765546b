// One change to what roles share: inputs, tables, parameters, channels and data.
#include "tests/fuzz/PackageMutator.h"

#include "tests/fuzz/Mutations.h"

namespace heter::fuzz {

using namespace runtime::package;

namespace {

void mutateOptimizer(Optimizer &optimizer, Random &random) {
  switch (random() % 8) {
  case 0:
    mutateText(optimizer.name, random);
    break;
  case 6:
    mutateText(optimizer.schedule, random);
    break;
  case 7:
    mutateText(optimizer.averaged, random);
    break;
  case 1:
    mutateText(optimizer.callee, random);
    break;
  case 2:
    mutateList(optimizer.slots, random, [&](std::string &text) { mutateText(text, random); });
    break;
  case 3:
    mutateList(optimizer.slotInit, random, [&](double &value) { value = static_cast<double>(number(random)); });
    break;
  case 4:
    mutateList(optimizer.scalars, random, [&](std::string &text) { mutateText(text, random); });
    break;
  default:
    mutateList(optimizer.scalarInit, random, [&](double &value) { value = static_cast<double>(number(random)); });
  }
}

void mutateInitializer(Initializer &initializer, Random &random) {
  if (random() % 2)
    mutateText(initializer.kind, random);
  else
    initializer.scale = static_cast<double>(number(random));
}

void mutatePart(Part &part, Random &random) {
  switch (random() % 4) {
  case 0:
    mutateText(part.name, random);
    break;
  case 1:
    part.dim = number(random);
    break;
  case 2:
    mutateInitializer(part.init, random);
    break;
  default:
    mutateOptimizer(part.optimizer, random);
  }
}

void mutateParameter(Parameter &parameter, Random &random) {
  switch (random() % 4) {
  case 0:
    mutateText(parameter.name, random);
    break;
  case 1:
    mutateList(parameter.shape, random, [&](int64_t &extent) { extent = number(random); });
    break;
  case 2:
    mutateInitializer(parameter.init, random);
    break;
  default:
    mutateOptimizer(parameter.optimizer, random);
  }
}

void mutateChannel(Channel &channel, Random &random) {
  switch (random() % 5) {
  case 0:
    mutateText(channel.name, random);
    break;
  case 1:
    mutateText(channel.sender, random);
    break;
  case 2:
    mutateText(channel.receiver, random);
    break;
  case 3:
    channel.depth = static_cast<int32_t>(number(random));
    break;
  default:
    mutateList(channel.values, random, [&](ChannelValue &value) {
      if (random() % 2)
        value.kind = static_cast<ValueKind::type>(random() % 5);
      else
        mutateType(value.type, random);
    });
  }
}

void mutateExpression(DataExpression &expression, Random &random) {
  constexpr const char *ops[] = {"column", "number", "list", "hash", "id",  "max",   "min",   "add",
                                 "sub",    "mul",    "div",  "neg",  "log", "log1p", "split", "bucket"};
  switch (random() % 5) {
  case 0:
    expression.op = ops[pick(random, std::size(ops))];
    break;
  case 1:
    mutateList(expression.numbers, random, [&](double &value) { value = static_cast<double>(number(random)) / 4; });
    break;
  case 2:
    mutateList(expression.texts, random, [&](std::string &text) { mutateText(text, random); });
    break;
  default:
    mutateList(expression.arguments, random, [&](DataExpression &argument) { mutateExpression(argument, random); });
  }
}

void mutateSource(DataSource &source, Random &random) {
  constexpr const char *formats[] = {"tsv", "csv", "slot", "libsvm", "libfm"};
  switch (random() % 6) {
  case 0:
    source.format = formats[pick(random, std::size(formats))];
    break;
  case 1: {
    std::string name;
    mutateText(name, random);
    mutateAttribute(source.options[name], random);
    break;
  }
  default:
    mutateList(source.bindings, random, [&](Binding &binding) {
      if (random() % 8 == 0)
        mutateText(binding.input, random);
      else
        mutateExpression(binding.expression, random);
    });
  }
}

void mutateInput(Input &input, Random &random) {
  switch (random() % 4) {
  case 0:
    mutateText(input.name, random);
    break;
  case 1:
    input.kind = static_cast<ValueKind::type>(random() % 5);
    break;
  case 2:
    mutateText(input.length, random);
    break;
  default:
    mutateType(input.type, random);
  }
}

} // namespace

void mutatePackageInfo(PackageInfo &info, Random &random) {
  switch (random() % 9) {
  case 0:
    return mutateList(info.roles, random, [&](std::string &role) { mutateText(role, random); });
  case 1:
    return mutateList(info.inputs, random, [&](Input &input) { mutateInput(input, random); });
  case 2:
    return mutateList(info.tables, random, [&](Table &table) {
      mutateList(table.parts, random, [&](Part &part) { mutatePart(part, random); });
    });
  case 3:
    return mutateList(info.parameters, random, [&](Parameter &parameter) { mutateParameter(parameter, random); });
  case 4:
    return mutateList(info.trainChannels, random, [&](Channel &channel) { mutateChannel(channel, random); });
  case 5:
    return mutateList(info.inferChannels, random, [&](Channel &channel) { mutateChannel(channel, random); });
  case 6:
    return mutateList(info.predictChannels, random, [&](Channel &channel) { mutateChannel(channel, random); });
  default:
    return mutateList(info.data, random, [&](DataSource &source) { mutateSource(source, random); });
  }
}

} // namespace heter::fuzz
