// What a table does with its rows: which keys are admitted, how rows are scored, which are evicted, how much memory
// they may take and where the others go.
#include "frontend/check/Checker.h"

#include <algorithm>
#include <cmath>

namespace heter::frontend {

using ast::ExprKind;
using Kind = SpecArgument::Kind;

// What runtime/table takes for a row (TableSpec::rowMemory), and into how many pieces it divides a table
// (virtualShards). This room does not link that one: who changes either changes both.
constexpr double rowBytesBeside = 12 + 9; // its header and its place in the index
constexpr double tablePieces = 4096;
constexpr double mostPeriods = 16384; // that the store tells apart

/// Shows are f32, and from 2^24 on one more changes nothing.
static const optimizers::Option shows = {"times", optimizers::Option::Kind::Steps, {}, false, true, 1, 0x1p24 + 1};
static const optimizers::Option someNumber = {"number", optimizers::Option::Kind::Number, {}, false, true, 0};
static const optimizers::Option chance = {"chance", optimizers::Option::Kind::Number, {}, false, true, 0, 1};

std::optional<StoreRule> Checker::readAdmission(const ast::Option &option) {
  static const std::vector<CallSpec> admits = {{"count", {{"times", Kind::Number, true, true, &shows}}},
                                               {"probability", {{"chance", Kind::Number, true, true, &chance}}},
                                               {"score", {{"least", Kind::Number, true, true, &someNumber}}}};
  return readCall(*option.value, "admission rule", admits);
}

/// A key is admitted to all parts that want it at once.
void Checker::checkOneAdmission(const ast::Table &table, const Table &checked) {
  const TablePart *first = nullptr;
  for (const TablePart &part : checked.parts) {
    if (!part.admit)
      continue;
    if (first && !(static_cast<const optimizers::Call &>(*first->admit) == *part.admit))
      error(part.range, "the parts of `" + table.name.text + "` admit keys by one rule")
          .note(first->range, "another one here");
    first = &part;
  }
}

namespace {

/// "2 days": in the largest unit of which it is a whole number.
std::string timeText(double time, bool steps) {
  if (steps)
    return formatNumber(time) + " steps";
  for (const auto &[unit, scale] : {std::pair("days", 86400.0), {"hours", 3600.0}, {"min", 60.0}})
    if (time >= scale && std::fmod(time, scale) == 0)
      return formatNumber(time / scale) + " " + unit;
  return formatNumber(time) + " s";
}

std::string sizeText(double bytes) {
  for (const auto &[unit, scale] : {std::pair("GiB", 1073741824.0), {"MiB", 1048576.0}})
    if (bytes >= scale && std::fmod(bytes, scale) == 0)
      return formatNumber(bytes / scale) + unit;
  return formatNumber(std::ceil(bytes / 1024)) + "KiB";
}

} // namespace

/// The options of one table that say which rows are kept.
class RowRules {
public:
  RowRules(Checker &checker, Table &table) : checker_(checker), table_(table) {}

  void read(const ast::Option &option);
  /// Checks what each of them says against the others, and gives the table its policy.
  void finish();

private:
  struct Time {
    double amount; ///< Steps or seconds.
    bool steps;
    SourceRange range;
  };
  struct Number {
    double number;
    SourceRange range;
  };

  void readScore(const ast::Expr &value);
  void readEviction(const ast::Expr &value);
  void checkPeriod();
  void checkScores();
  void add(std::string kind, std::map<std::string, double> numbers, std::map<std::string, std::string> texts = {});

  Checker &checker_;
  Table &table_;
  std::optional<StoreRule> score_;
  std::optional<Time> unseen_, period_;
  std::optional<Number> leastScore_, memory_;
  SourceRange beyondRange_;
  std::string beyond_;
  bool ok_ = true;
};

void RowRules::readScore(const ast::Expr &value) {
  static const std::vector<CallSpec> scores = {{"show_click",
                                                {{"clicks", Kind::Label, true, true},
                                                 {"show", Kind::Number, false, false, &someNumber},
                                                 {"click", Kind::Number, false, false, &someNumber},
                                                 {"decay", Kind::Number, false, false}}}};
  score_ = checker_.readCall(value, "score", scores);
  ok_ &= score_.has_value();
  if (!score_)
    return;
  score_->numbers.try_emplace("show", 0.1);
  score_->numbers.try_emplace("click", 1.0);
  const double decay = score_->numbers.try_emplace("decay", 0.98).first->second;
  if (decay < 0 || decay > 1) {
    checker_.error(value.range, "`decay` is " + formatNumber(decay)).help("from 0 to 1: what is left after a period");
    ok_ = false;
  }
  const std::string &label = score_->texts.at("clicks");
  for (const Input &input : checker_.model_.inputs)
    if (input.name == label && (input.type.element != Element::F32 || input.type.rank() != 0)) {
      checker_
          .error(value.range, "clicks are counted by one number of each example, and `" + label + "` is " +
                                  checker_.show(input.type))
          .note(input.range, "declared here");
      ok_ = false;
    }
}

void RowRules::readEviction(const ast::Expr &value) {
  static const std::vector<CallSpec> evicts = {{"unseen", {{"time", Kind::Time, true, true, &someNumber}}},
                                               {"score", {{"least", Kind::Number, true, true, &someNumber}}}};
  auto rule = checker_.readCall(value, "eviction rule", evicts);
  ok_ &= rule.has_value();
  if (!rule)
    return;
  const bool twice = rule->name == "unseen" ? unseen_.has_value() : leastScore_.has_value();
  if (twice) {
    checker_.error(value.range, "`" + rule->name + "` is given twice")
        .note(rule->name == "unseen" ? unseen_->range : leastScore_->range, "first here");
    ok_ = false;
  } else if (rule->name == "unseen") {
    unseen_ = {rule->numbers.at("time"), rule->texts.count("steps") > 0, value.range};
  } else {
    leastScore_ = {rule->numbers.at("least"), value.range};
  }
}

void RowRules::read(const ast::Option &option) {
  const std::string &word = option.name.text;
  const ast::Expr &value = *option.value;
  if (word == "score") {
    readScore(value);
  } else if (word == "evict" && value.kind == ExprKind::List) {
    for (const ast::ExprPtr &item : value.items)
      readEviction(*item);
  } else if (word == "evict") {
    readEviction(value);
  } else if (word == "memory") {
    if (auto bytes = checker_.measured(value, "`memory`", {"GiB", "MiB", "KiB", "TiB"}))
      memory_ = {*bytes, value.range};
    ok_ &= memory_.has_value();
  } else if (word == "beyond") {
    auto tier = checker_.readCall(value, "tier", {{"ssd", {}}, {"drop", {}}});
    ok_ &= tier.has_value();
    beyondRange_ = option.name.range;
    beyond_ = tier ? tier->name : "";
  } else if (word == "period") {
    if (auto time = checker_.measured(value, "`period`", {"days", "hours", "min", "s", "steps"}))
      period_ = {*time, value.unit == "steps", value.range};
    ok_ &= period_.has_value();
  }
}

/// Periods are of one unit, whole, and `unseen` is some of them.
void RowRules::checkPeriod() {
  for (const std::optional<Time> &time : {unseen_, period_})
    if (time && (time->amount < 1 || time->amount != std::floor(time->amount) || time->amount > 1e12)) {
      checker_.error(time->range,
                     std::string("expected whole ") + (time->steps ? "steps" : "seconds") + ", at least one");
      ok_ = false;
      return;
    }
  if (!period_) {
    // Days suit click logs. Where nothing but the order of rows is wanted, a finer measure tells more apart.
    const bool coarse = unseen_ || score_;
    period_ = coarse ? Time{86400, false, {}} : Time{10, true, {}};
  }
  if (!unseen_)
    return;
  const std::string period = timeText(period_->amount, period_->steps);
  const double periods = unseen_->amount / period_->amount;
  const bool sameUnit = unseen_->steps == period_->steps;
  if (sameUnit && periods >= 1 && periods == std::floor(periods) && periods <= mostPeriods)
    return;
  ok_ = false;
  std::string what = !sameUnit
                         ? "counts " + std::string(unseen_->steps ? "steps" : "time") + ", and a period is " + period
                     : periods > mostPeriods ? "is " + formatNumber(periods) + " periods of " + period + ", and " +
                                                   formatNumber(mostPeriods) + " can be told apart"
                                             : "is no whole number of periods of " + period;
  const double wanted = std::max(1.0, std::floor(unseen_->amount / 30));
  Diagnostic &diagnostic = checker_.error(unseen_->range, "`" + checker_.text(unseen_->range) + "` " + what);
  if (period_->range.isValid())
    diagnostic.note(period_->range, "the period");
  diagnostic.help("period: " +
                  timeText(std::fmod(unseen_->amount, wanted) == 0 ? wanted : unseen_->amount, unseen_->steps));
}

/// Rules that go by a score want one, and do not evict what they just admitted.
void RowRules::checkScores() {
  const TablePart *byScore = nullptr;
  for (const TablePart &part : table_.parts)
    if (part.admit && part.admit->name == "score")
      byScore = &part;
  const char *help = "score: show_click(LABEL, show: 0.1, click: 1, decay: 0.98)";
  if (!score_ && leastScore_) {
    checker_.error(leastScore_->range, "`" + table_.name + "` keeps no score to evict by").help(help);
    ok_ = false;
  } else if (!score_ && byScore) {
    checker_.error(byScore->range, "`" + table_.name + "` keeps no score to admit keys by").help(help);
    ok_ = false;
  } else if (byScore && leastScore_ && byScore->admit->numbers.at("least") < leastScore_->number) {
    checker_
        .error(leastScore_->range, "rows are admitted with a score of " +
                                       formatNumber(byScore->admit->numbers.at("least")) + " and evicted again below " +
                                       formatNumber(leastScore_->number))
        .note(byScore->range, "admitted here");
    ok_ = false;
  }
}

void RowRules::add(std::string kind, std::map<std::string, double> numbers, std::map<std::string, std::string> texts) {
  StoreRule rule;
  rule.name = std::move(kind);
  rule.numbers = std::move(numbers);
  rule.texts = std::move(texts);
  table_.policy.push_back(std::move(rule));
}

void RowRules::finish() {
  const bool any = score_ || unseen_ || leastScore_ || memory_;
  if (!beyond_.empty() && !memory_) {
    checker_.error(beyondRange_, "`beyond` says where rows go that have no room, and there is no limit of memory")
        .help("memory: 2GiB");
    ok_ = false;
  }
  if (period_ && !any && ok_) {
    checker_.error(period_->range, "nothing of `" + table_.name + "` counts periods")
        .help("score:, evict: or memory: does");
    ok_ = false;
  }
  if (ok_)
    checkScores();
  if (ok_)
    checkPeriod();
  if (!ok_ || !any)
    return;
  if (score_)
    table_.policy.push_back(*score_);
  add("period", {{period_->steps ? "steps" : "seconds", period_->amount}});
  if (unseen_)
    add("unseen", {{"periods", unseen_->amount / period_->amount}});
  if (leastScore_)
    add("score", {{"least", leastScore_->number}});
  if (memory_) {
    add("memory", {{"bytes", memory_->number}});
    table_.memoryRange = memory_->range;
  }
  if (beyond_ == "ssd")
    add("ssd", {});
}

void Checker::checkRowRules(const ast::Table &table, Table &checked) {
  checkOneAdmission(table, checked);
  RowRules rules(*this, checked);
  for (const ast::Option &option : table.options)
    rules.read(option);
  rules.finish();
}

/// Each piece of a table has room for a row at least. REQUIRES: all parts have their optimizers.
void Checker::checkMemory(const Table &table) {
  auto memory = std::find_if(table.policy.begin(), table.policy.end(),
                             [](const StoreRule &rule) { return rule.name == "memory"; });
  if (memory == table.policy.end())
    return;
  const bool scored = table.policy.front().name == "show_click";
  double floats = scored ? 2 : 0;
  for (const TablePart &part : table.parts) {
    if (!optimizers::checkOptimizer(part.optimizer.call).empty())
      return; // reported already
    const optimizers::UpdateFormula formula = optimizers::formulaOf(part.optimizer.call);
    floats += static_cast<double>(part.dim) * (1.0 + static_cast<double>(formula.slots.size())) +
              static_cast<double>(formula.scalars.size());
  }
  const bool counted = !scored && std::any_of(table.parts.begin(), table.parts.end(), [](const TablePart &part) {
    return part.admit && part.admit->name == "count";
  });
  const double rowBytes = rowBytesBeside + 4 * (floats + (counted ? 1 : 0));
  const double least = rowBytes * tablePieces;
  if (memory->numbers.at("bytes") >= least)
    return;
  error(table.memoryRange, "`memory` is " + sizeText(memory->numbers.at("bytes")) + ", too little: a row of `" +
                               table.name + "` takes " + formatNumber(rowBytes) + " bytes, and it wants room for " +
                               formatNumber(tablePieces) + " of them")
      .help("at least " + sizeText(least));
}

} // namespace heter::frontend
