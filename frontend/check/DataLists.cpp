// Lists of varying length in data blocks: how many values an expression gives, and what is asked of a line where their
// number must be a certain one.
#include "frontend/check/DataChecker.h"

#include <algorithm>

namespace heter::frontend {

bool isKeyed(const std::string &format) { return format == "slot" || format == "libsvm" || format == "libfm"; }

int64_t countOf(const DataExpression &expression) {
  const std::string &op = expression.op;
  if (op == "key" || op == "split")
    return -1;
  if (op == "column")
    return static_cast<int64_t>(expression.numbers.size());
  if (op == "spread")
    return static_cast<int64_t>(expression.numbers.at(0));
  if (op == "number" || op == "bucket" || op == "cross" || op == "starts_with")
    return 1;
  int64_t count = 0;
  for (const DataExpression &argument : expression.arguments) {
    int64_t other = countOf(argument);
    if (other < 0)
      return -1;
    count = op == "list" ? count + other : std::max(count, other);
  }
  return count;
}

/// Makes `value` one of `count` values a line; false after an error. REQUIRES: its number varies.
bool DataChecker::fix(DataValue &value, int64_t count, SourceRange range) {
  if (count > maxColumns) {
    c_.error(range, "a line cannot give " + countText(count, "value") + ": at most " + std::to_string(maxColumns));
    return false;
  }
  if (!fix(value.expression, count, range))
    return false;
  value.count = count;
  value.weight += count;
  return true;
}

bool DataChecker::fix(DataExpression &expression, int64_t count, SourceRange range) {
  if (expression.op == "key" || expression.op == "split") {
    DataExpression list = std::move(expression);
    expression = {};
    expression.op = "spread";
    expression.numbers = {static_cast<double>(count)};
    expression.range = list.range;
    expression.arguments.push_back(std::move(list));
    return true;
  }
  int64_t share = count;
  if (expression.op == "list") {
    int64_t varying = 0, rest = count;
    for (const DataExpression &argument : expression.arguments) {
      int64_t known = countOf(argument);
      varying += known < 0;
      rest -= std::max<int64_t>(known, 0);
    }
    share = varying > 0 ? rest / varying : 0;
    if (rest < varying) {
      c_.error(expression.range, "this list gives more than the " + countText(count, "value") + " that are wanted");
      return false;
    }
    if (varying > 1 && rest != varying) {
      c_.error(expression.range, "which of these lists gives how many of the " + countText(count, "value") + "?")
          .help("one list of varying length an input");
      return false;
    }
  }
  for (DataExpression &argument : expression.arguments)
    if (countOf(argument) < 0 && !fix(argument, share, range))
      return false;
  return true;
}

} // namespace heter::frontend
