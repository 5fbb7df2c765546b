// Text of predictions, their columns, and the queue to the writer.
#include "runtime/role/Predictions.h"

#include "runtime/graph/Frame.h"

#include <charconv>
#include <cmath>
#include <cstring>

namespace heter::runtime {

namespace {

template <typename T> T elementAt(const PredictedValue &value, size_t i) {
  T element;
  std::memcpy(&element, value.bytes.data() + i * sizeof(T), sizeof(T));
  return element;
}

void appendElement(std::string &text, const PredictedValue &value, size_t i) {
  char digits[32];
  std::to_chars_result end{digits, {}};
  if (value.element == package::ElementType::F32) {
    auto number = elementAt<float>(value, i);
    if (std::isnan(number)) {
      text += "nan";
      return;
    }
    constexpr int roundTrips = 9;
    end = std::to_chars(digits, digits + sizeof digits, number, std::chars_format::general, roundTrips);
  } else if (value.element == package::ElementType::I64) {
    end = std::to_chars(digits, digits + sizeof digits, elementAt<int64_t>(value, i));
  } else {
    *end.ptr++ = elementAt<uint8_t>(value, i) ? '1' : '0';
  }
  text.append(digits, end.ptr);
}

} // namespace

std::string predictionLines(const std::vector<PredictedValue> &values, int64_t examples) {
  std::string text;
  auto count = static_cast<size_t>(examples);
  for (size_t example = 0; example < count; ++example) {
    char separator = 0;
    for (const PredictedValue &value : values) {
      size_t width = value.bytes.size() / static_cast<size_t>(elementBytes(value.element)) / count;
      for (size_t i = 0; i < width; ++i) {
        if (separator)
          text += separator;
        separator = '\t';
        appendElement(text, value, example * width + i);
      }
    }
    text += '\n';
  }
  return text;
}

StatusOr<std::vector<std::string>> predictionColumns(const Package &package) {
  std::vector<std::string> columns;
  for (const package::RoleProgram &program : package.programs)
    for (const package::Node &node : program.predict.nodes) {
      if (node.kind != package::NodeKind::PREDICT)
        continue;
      const std::string &name = node.attributes.at("name").text;
      int64_t width = 1;
      const auto &shape = program.predict.values[static_cast<size_t>(node.inputs[0])].type.shape;
      for (size_t d = 1; d < shape.size(); ++d)
        width *= shape[d];
      for (int64_t i = 0; i < width; ++i)
        columns.push_back(width == 1 ? name : name + "." + std::to_string(i));
    }
  if (columns.empty())
    return Status::failedPrecondition("model `" + package.info.model +
                                      "` predicts nothing: add a line such as `predict sigmoid(logit)` to it and "
                                      "compile it again");
  return columns;
}

Status PredictionOutput::add(std::string lines) {
  if (status_.ok()) {
    waiting_ += lines;
    writeNext();
  }
  return status_;
}

void PredictionOutput::whenReady(Completion ready) {
  constexpr size_t enough = size_t{4} << 20;
  if (!status_.ok() || waiting_.size() < enough)
    return ready(status_);
  blocked_.push_back(std::move(ready));
}

void PredictionOutput::finish(Completion ended) {
  ended_ = std::move(ended);
  writeNext();
}

void PredictionOutput::writeNext() {
  if (writing_)
    return;
  if (waiting_.empty() || !status_.ok()) {
    if (Completion ended = std::move(ended_))
      ended(status_);
    return;
  }
  writing_ = true;
  scheduler_.postBlocking([self = shared_from_this(), lines = std::exchange(waiting_, {})] {
    Status status = self->write_ ? self->write_(lines) : Status();
    self->strand_->post([self, status] {
      self->writing_ = false;
      self->status_ = status;
      self->writeNext(); // Hands over what waited.
      for (Completion &ready : std::exchange(self->blocked_, {}))
        self->whenReady(std::move(ready));
    });
  });
}

} // namespace heter::runtime
