// Text of progress, results, summaries and losses.
#include "runtime/tools/Report.h"

#include "cli/Terminal.h"
#include "runtime/base/Log.h"

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

/// Rows as lines: the first column to the left, the others to the right. Columns that say nothing are left out.
std::string alignColumns(const std::vector<std::vector<std::string>> &rows, bool colored) {
  std::vector<size_t> widths;
  for (const auto &row : rows)
    for (size_t i = 0; i < row.size(); ++i) {
      if (i == widths.size())
        widths.push_back(0);
      widths[i] = std::max(widths[i], row[i].size());
    }
  std::vector<bool> empty(widths.size(), true);
  for (size_t row = 1; row < rows.size(); ++row)
    for (size_t i = 0; i < rows[row].size(); ++i)
      empty[i] = empty[i] && rows[row][i] == "-";
  std::string text;
  for (const auto &row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      std::string padding(widths[i] - row[i].size(), ' ');
      if (!empty[i])
        line += i == 0 ? row[i] + padding : "  " + padding + row[i];
    }
    text += cli::styled(line, cli::Style::Bold, colored && &row == &rows.front()) + '\n';
  }
  return text;
}

bool isServer(const RoleSummary &role) { return role.role == "server"; }

/// "loss 0.5", "AUC 0.8"; several AUCs go under their reports' names.
std::vector<std::string> qualityParts(const std::optional<double> &loss, const AucValues &aucs) {
  std::vector<std::string> parts;
  if (loss)
    parts.push_back("loss " + fixed(*loss, 4));
  for (const auto &[name, auc] : aucs)
    if (auc)
      parts.push_back((aucs.size() == 1 ? "AUC" : name) + " " + fixed(*auc, 4));
  return parts;
}

std::string quality(const PhaseResult &phase) {
  std::string text;
  for (const std::string &part : qualityParts(phase.loss, phase.aucs))
    text += (text.empty() ? "" : ", ") + part;
  return text;
}

/// The fields "loss" and "auc" (of the report of that name, or else the first by name), and all reports by name.
std::string qualityJson(const PhaseResult &phase) {
  auto first = phase.aucs.find("auc");
  if (first == phase.aucs.end())
    first = phase.aucs.begin();
  std::string text = "\"loss\": " + number(phase.loss) +
                     ", \"auc\": " + number(first == phase.aucs.end() ? std::nullopt : first->second),
              reports;
  for (const auto &[name, auc] : phase.aucs)
    reports += (reports.empty() ? "" : ", ") + quoted(name) + ": " + number(auc);
  return text + ", \"reports\": {" + reports + "}";
}

/// 12345.6 seconds as "3:25:46", 12.3 as "12.3 s".
std::string duration(double seconds) { return seconds < 600 ? fixed(seconds, 1) + " s" : clockTime(seconds); }

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

std::string workOf(const RoleSummary &role) {
  return grouped(role.frames) + (isServer(role) ? " calls" : " micro-batches");
}

std::string progressLine(const RunProgress &progress, size_t width) {
  std::vector<std::string> parts = {(progress.predicting ? "predict  "
                                     : progress.testing  ? "test   "
                                                         : "train  ") +
                                    grouped(progress.examples) + " examples"};
  if (progress.fraction > 0) {
    double fraction = std::min(progress.fraction, 1.0);
    parts.push_back(fixed(100 * fraction, 0) + " %");
    parts.push_back(clockTime(progress.seconds * (1 - fraction) / fraction) + " left");
  }
  for (std::string &part : qualityParts(progress.loss, progress.aucs))
    parts.push_back(std::move(part));
  if (progress.examplesPerSecond > 0)
    parts.push_back(grouped(std::llround(progress.examplesPerSecond)) + "/s");
  std::string text = parts.front();
  for (size_t i = 1; i < parts.size() && text.size() + 2 + parts[i].size() <= width; ++i)
    text += "  " + parts[i];
  return text.substr(0, width);
}

ProgressDisplay::ProgressDisplay() : ProgressDisplay(isatty(STDERR_FILENO) != 0, 0) {}

std::string ProgressDisplay::render(const RunProgress &progress) {
  bool newPhase = progress.testing != testing_;
  testing_ = progress.testing;
  if (terminal_) {
    std::string start = newPhase && live_ ? "\n" : "\r\x1b[K";
    live_ = true;
    // Asked for anew each time: a terminal may be made narrower. In its last column a line may already wrap.
    int width = width_ > 0 ? width_ : cli::columnsOf(STDERR_FILENO);
    return start + progressLine(progress, static_cast<size_t>(std::max(width - 1, 1)));
  }
  if (newPhase)
    lastPlain_ = 0;
  if (progress.seconds - lastPlain_ < plainSeconds)
    return {};
  lastPlain_ = progress.seconds;
  return progressLine(progress) + "\n";
}

void ProgressDisplay::show(const RunProgress &progress) {
  std::string text = render(progress);
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

void prefixLog() { setLogPrefix(isatty(STDERR_FILENO) != 0 ? "\r\x1b[Kheter: " : "heter: "); }

void ProgressDisplay::finish() {
  if (live_)
    std::fputc('\n', stderr);
  live_ = false;
}

/// A line a role: what it did. Nothing where one role did everything.
static std::string roleTable(const RunResult &result, bool colored) {
  std::vector<std::vector<std::string>> rows = {{"role", "work", "sent", "received", "cpu", "memory"}};
  for (const RoleSummary &role : result.roles)
    rows.push_back({role.role + " " + std::to_string(role.index),
                    isServer(role) ? workOf(role) : grouped(role.examples) + " examples",
                    role.bytesSent > 0 ? byteSize(role.bytesSent) : "-",
                    role.bytesReceived > 0 ? byteSize(role.bytesReceived) : "-",
                    role.cpuSeconds > 0 ? fixed(role.cpuSeconds, 1) + " s" : "-",
                    role.peakRssBytes > 0 ? byteSize(role.peakRssBytes) : "-"});
  return rows.size() > 2 ? alignColumns(rows, colored) + "\n" : "";
}

/// What was done, how fast, how well, and what it took.
static std::string workText(const RunResult &result, const std::string &done, const std::string &reached) {
  return done + grouped(result.examples) + " examples in " + duration(result.seconds) + ", " +
         grouped(std::llround(result.examplesPerSecond)) + " examples/s\n        " +
         (result.badLines == 0 ? ""
                               : grouped(result.badLines) + " malformed line" + (result.badLines == 1 ? "" : "s") +
                                     " passed over\n        ") +
         (reached.empty() ? "" : reached + "\n        ") + fixed(result.cpuSeconds, 1) + " cpu seconds, " +
         byteSize(result.peakRssBytes) + " of memory at most\n";
}

std::string predictionTable(const RunResult &result, bool colored) {
  return roleTable(result, colored) +
         workText(result, cli::styled("predicted", cli::Style::Bold, colored) + " ", /*reached=*/"");
}

/// Of the rows that were pulled, which part was in memory; 1 if there were none.
static double hitRate(const TierFigures &tier) {
  return tier.keysPulled == 0 ? 1 : 1 - static_cast<double>(tier.keysOnDisk) / static_cast<double>(tier.keysPulled);
}

static std::string tierText(const TierFigures &tier) {
  return "        " + grouped(tier.rowsInMemory) + " in memory, where " + fixed(100 * hitRate(tier), 1) +
         " % of those pulled were; " + grouped(tier.rowsOnDisk) + " on disk: " + grouped(tier.blocksRead) +
         " blocks read, " + byteSize(tier.bytesWritten) + " written\n";
}

std::string resultTable(const RunResult &result, bool colored) {
  auto bold = [&](const std::string &word) { return cli::styled(word, cli::Style::Bold, colored); };
  std::string text = roleTable(result, colored) + workText(result, bold("trained") + " on ", quality(result.train));
  if (result.test) {
    text += bold("tested") + "  on " + grouped(result.test->examples) + " examples";
    if (std::string reached = quality(*result.test); !reached.empty())
      text += "\n        " + reached;
    text += '\n';
  }
  if (const RowCacheCounts &rows = result.rowCache; rows.hits + rows.misses + rows.stale > 0) {
    const int64_t wanted = rows.hits + rows.misses + rows.stale;
    text += bold("rows") + "    " + grouped(wanted) + " looked up by heter-trainers, " +
            fixed(100 * static_cast<double>(rows.hits) / static_cast<double>(wanted), 1) + " % of them kept, " +
            grouped(rows.stale) + " kept too old\n";
  }
  for (const auto &[name, count] : result.tables) {
    text += bold("table") + "   " + name + ": " + grouped(count) + " rows\n";
    if (const auto tier = result.tiers.find(name); tier != result.tiers.end())
      text += tierText(tier->second);
  }
  return text;
}

std::string interruptedLine(const RunResult &result, const std::string &saveFolder) {
  std::string line = "heter: interrupted after " + grouped(result.steps) + " steps";
  if (result.saved)
    line += "; the model is saved in " + saveFolder;
  else if (!saveFolder.empty())
    line += "; nothing was saved, " + saveFolder + " is as it was";
  return line + "\n";
}

static std::string tiersJson(const RunResult &result) {
  std::string text;
  for (const auto &[name, tier] : result.tiers)
    text += (text.empty() ? "" : ", ") + quoted(name) + ": {\"rows_in_memory\": " + std::to_string(tier.rowsInMemory) +
            ", \"rows_on_disk\": " + std::to_string(tier.rowsOnDisk) + ", \"hit_rate\": " + number(hitRate(tier)) +
            ", \"keys_pulled\": " + std::to_string(tier.keysPulled) +
            ", \"keys_on_disk\": " + std::to_string(tier.keysOnDisk) +
            ", \"blocks_read\": " + std::to_string(tier.blocksRead) +
            ", \"bytes_written\": " + std::to_string(tier.bytesWritten) + "}";
  return text;
}

std::string summaryJson(const RunResult &result) {
  std::string text = "{\n";
  auto add = [&](const char *name, const std::string &value) {
    text += std::string(text.size() > 2 ? ",\n" : "") + "  \"" + name + "\": " + value;
  };
  add("mode", quoted(result.mode));
  add("update", quoted(result.update));
  add("interrupted", result.interrupted ? "true" : "false");
  add("examples", std::to_string(result.examples));
  add("bad_lines", std::to_string(result.badLines));
  add("seconds", number(result.seconds));
  add("examples_per_second", number(result.examplesPerSecond));
  add("cpu_seconds", number(result.cpuSeconds));
  add("peak_rss_bytes", std::to_string(result.peakRssBytes));
  if (const std::optional<MemoryUse> &memory = result.memory)
    add("memory", "{\"resident_bytes_at_start\": " + std::to_string(memory->residentAtStart) +
                      ", \"resident_bytes_at_end\": " + std::to_string(memory->residentAtEnd) + ", \"frame_bytes\": " +
                      std::to_string(memory->frames) + ", \"reader_bytes\": " + std::to_string(memory->reader) +
                      ", \"version_bytes\": " + std::to_string(memory->versions) + "}");
  else
    add("memory", "null");
  add("train", "{" + qualityJson(result.train) + "}");
  if (result.test)
    add("test", "{" + qualityJson(*result.test) + ", \"examples\": " + std::to_string(result.test->examples) + "}");
  else
    add("test", "null");
  std::string tables;
  for (const auto &[name, count] : result.tables)
    tables += (tables.empty() ? "" : ", ") + quoted(name) + ": " + std::to_string(count);
  add("tables", "{" + tables + "}");
  if (!result.tiers.empty())
    add("tiers", "{" + tiersJson(result) + "}");
  add("wire", "{\"bytes_sent\": " + std::to_string(result.bytesSent) +
                  ", \"bytes_received\": " + std::to_string(result.bytesReceived) + "}");
  add("row_cache", "{\"hits\": " + std::to_string(result.rowCache.hits) +
                       ", \"misses\": " + std::to_string(result.rowCache.misses) +
                       ", \"stale\": " + std::to_string(result.rowCache.stale) + "}");
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
  // What can be written is, whatever becomes of the other.
  Status summary, losses;
  if (!summaryFile.empty())
    summary = files.writeFileAtomically(summaryFile, summaryJson(result)).withContext("--summary");
  if (!lossesFile.empty())
    losses = files.writeFileAtomically(lossesFile, lossesText(result)).withContext("--losses");
  return summary.ok() ? losses : summary;
}

} // namespace heter::runtime::tools
