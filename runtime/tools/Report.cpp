// Text of progress, results, summaries and losses.
#include "runtime/tools/Report.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <vector>

namespace heter::runtime::tools {

namespace {

constexpr double plainSeconds = 5;

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

/// 75 as "1:15", 3725 as "1:02:05".
std::string clockTime(double seconds) {
  auto whole = static_cast<int64_t>(std::llround(std::max(seconds, 0.0)));
  char text[64];
  if (whole < 3600)
    std::snprintf(text, sizeof text, "%d:%02d", static_cast<int>(whole / 60), static_cast<int>(whole % 60));
  else
    std::snprintf(text, sizeof text, "%lld:%02d:%02d", static_cast<long long>(whole / 3600),
                  static_cast<int>(whole / 60 % 60), static_cast<int>(whole % 60));
  return text;
}

std::string byteSize(int64_t bytes) {
  static constexpr const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto size = static_cast<double>(bytes);
  size_t unit = 0;
  while (size >= 1024 && unit + 1 < std::size(units)) {
    size /= 1024;
    ++unit;
  }
  return fixed(size, unit == 0 ? 0 : 1) + " " + units[unit];
}

/// The shortest digits that give the same number back; null for what JSON cannot say.
std::string number(double value) {
  if (!std::isfinite(value))
    return "null";
  char text[64];
  auto [end, code] = std::to_chars(text, text + sizeof text, value);
  return {text, end};
}

std::string number(const std::optional<double> &value) { return value ? number(*value) : "null"; }

std::string quoted(const std::string &text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned char>(c));
      result += escape;
    } else {
      result += c;
    }
  }
  return result + "\"";
}

/// Rows as lines: the first column to the left, the others to the right.
std::string alignColumns(const std::vector<std::vector<std::string>> &rows) {
  std::vector<size_t> widths;
  for (const auto &row : rows)
    for (size_t i = 0; i < row.size(); ++i) {
      if (i == widths.size())
        widths.push_back(0);
      widths[i] = std::max(widths[i], row[i].size());
    }
  std::string text;
  for (const auto &row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      std::string padding(widths[i] - row[i].size(), ' ');
      text += i == 0 ? row[i] + padding : "  " + padding + row[i];
    }
    text += '\n';
  }
  return text;
}

bool isServer(const RoleSummary &role) { return role.role == "server"; }

void addQuality(std::string &text, const std::optional<double> &loss, const std::optional<double> &auc) {
  if (loss)
    text += ", loss " + fixed(*loss, 4);
  if (auc)
    text += ", AUC " + fixed(*auc, 4);
}

} // namespace

std::string grouped(int64_t number) {
  std::string digits = std::to_string(std::abs(number)), result;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0)
      result += ',';
    result += digits[i];
  }
  return number < 0 ? "-" + result : result;
}

std::string delayWarning(const RunOptions &options, const std::string &mode) {
  constexpr int64_t harmful = 3; // Updates.
  int64_t trainers = mode == "local" ? 1 : options.cpuTrainers;
  int64_t delay = options.inFlight * trainers - 1;
  if (options.update != UpdateMode::Async || delay < harmful)
    return {};
  return "--update async with --in-flight " + std::to_string(options.inFlight) +
         (trainers > 1 ? " and " + std::to_string(trainers) + " cpu-trainers" : "") +
         " computes gradients from parameters about " + std::to_string(delay) +
         " updates old, which early training may not survive: use fewer frames in flight, lower learning rates, or "
         "begin in "
         "sync and go on with --load (docs/how-to/async.md)";
}

std::string workOf(const RoleSummary &role) {
  return grouped(role.frames) + (isServer(role) ? " calls" : " micro-batches");
}

std::string progressLine(const RunProgress &progress) {
  std::string text = progress.predicting ? "predict" : progress.testing ? "test " : "train";
  text += "  " + grouped(progress.examples) + " examples";
  if (progress.examplesPerSecond > 0)
    text += "  " + grouped(std::llround(progress.examplesPerSecond)) + "/s";
  if (progress.loss)
    text += "  loss " + fixed(*progress.loss, 4);
  if (progress.auc)
    text += "  AUC " + fixed(*progress.auc, 4);
  if (progress.fraction > 0) {
    double fraction = std::min(progress.fraction, 1.0);
    text +=
        "  " + fixed(100 * fraction, 0) + " %  " + clockTime(progress.seconds * (1 - fraction) / fraction) + " left";
  }
  return text;
}

ProgressDisplay::ProgressDisplay() : ProgressDisplay(isatty(STDERR_FILENO) != 0, 80) {
  winsize size{};
  if (terminal_ && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    width_ = size.ws_col;
}

std::string ProgressDisplay::render(const RunProgress &progress) {
  std::string line = progressLine(progress);
  bool newPhase = progress.testing != testing_;
  testing_ = progress.testing;
  if (terminal_) {
    std::string start = newPhase && live_ ? "\n" : "\r\x1b[K";
    live_ = true;
    return start + line.substr(0, static_cast<size_t>(std::max(width_ - 1, 1)));
  }
  if (newPhase)
    lastPlain_ = 0;
  if (progress.seconds - lastPlain_ < plainSeconds)
    return {};
  lastPlain_ = progress.seconds;
  return line + "\n";
}

void ProgressDisplay::show(const RunProgress &progress) {
  std::string text = render(progress);
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

void ProgressDisplay::finish() {
  if (live_)
    std::fputc('\n', stderr);
  live_ = false;
}

/// A line a role: what it did.
static std::string roleTable(const RunResult &result) {
  std::vector<std::vector<std::string>> rows = {
      {"role", "examples", "work", "sent", "received", "cpu seconds", "peak memory"}};
  for (const RoleSummary &role : result.roles)
    rows.push_back({role.role + " " + std::to_string(role.index), isServer(role) ? "-" : grouped(role.examples),
                    workOf(role), byteSize(role.bytesSent), byteSize(role.bytesReceived),
                    role.cpuSeconds > 0 ? fixed(role.cpuSeconds, 1) : "-",
                    role.peakRssBytes > 0 ? byteSize(role.peakRssBytes) : "-"});
  return rows.size() > 1 ? alignColumns(rows) : "";
}

static std::string costOf(const RunResult &result) {
  return "; " + fixed(result.cpuSeconds, 1) + " cpu seconds, " + byteSize(result.peakRssBytes) + " at most\n";
}

std::string predictionTable(const RunResult &result) {
  return roleTable(result) + "predicted " + grouped(result.examples) + " examples in " + fixed(result.seconds, 1) +
         " s, " + grouped(std::llround(result.examplesPerSecond)) + " examples/s" + costOf(result);
}

std::string resultTable(const RunResult &result) {
  std::string text = roleTable(result);
  text += "trained on " + grouped(result.examples) + " examples in " + fixed(result.seconds, 1) + " s, " +
          grouped(std::llround(result.examplesPerSecond)) + " examples/s";
  addQuality(text, result.train.loss, result.train.auc);
  text += costOf(result);
  if (result.test) {
    text += "tested on " + grouped(result.test->examples) + " examples";
    addQuality(text, result.test->loss, result.test->auc);
    text += '\n';
  }
  for (const auto &[name, count] : result.tables)
    text += "table " + name + ": " + grouped(count) + " rows\n";
  return text;
}

std::string summaryJson(const RunResult &result) {
  std::string text = "{\n";
  auto add = [&](const char *name, const std::string &value) {
    text += std::string(text.size() > 2 ? ",\n" : "") + "  \"" + name + "\": " + value;
  };
  add("mode", quoted(result.mode));
  add("update", quoted(result.update));
  add("examples", std::to_string(result.examples));
  add("seconds", number(result.seconds));
  add("examples_per_second", number(result.examplesPerSecond));
  add("cpu_seconds", number(result.cpuSeconds));
  add("peak_rss_bytes", std::to_string(result.peakRssBytes));
  add("train", "{\"loss\": " + number(result.train.loss) + ", \"auc\": " + number(result.train.auc) + "}");
  if (result.test)
    add("test", "{\"loss\": " + number(result.test->loss) + ", \"auc\": " + number(result.test->auc) +
                    ", \"examples\": " + std::to_string(result.test->examples) + "}");
  else
    add("test", "null");
  std::string tables;
  for (const auto &[name, count] : result.tables)
    tables += (tables.empty() ? "" : ", ") + quoted(name) + ": " + std::to_string(count);
  add("tables", "{" + tables + "}");
  add("wire", "{\"bytes_sent\": " + std::to_string(result.bytesSent) +
                  ", \"bytes_received\": " + std::to_string(result.bytesReceived) + "}");
  return text + "\n}\n";
}

std::string lossesText(const RunResult &result) {
  std::string text;
  for (const StepLoss &loss : result.losses) {
    char digits[64];
    auto [end, code] = std::to_chars(digits, digits + sizeof digits, loss.loss); // Says nan and inf too.
    text += std::to_string(loss.step) + " " + std::string(digits, end) + "\n";
  }
  return text;
}

Status writeReports(FileSystem &files, const RunResult &result, const std::string &summaryFile,
                    const std::string &lossesFile) {
  if (!summaryFile.empty())
    HETER_RETURN_IF_ERROR(files.writeFileAtomically(summaryFile, summaryJson(result)));
  if (!lossesFile.empty())
    HETER_RETURN_IF_ERROR(files.writeFileAtomically(lossesFile, lossesText(result)));
  return {};
}

} // namespace heter::runtime::tools
