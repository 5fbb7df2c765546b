// What a run shows and writes: the progress line, the table of roles, the summary and the losses.
#ifndef HETER_RUNTIME_TOOLS_REPORT_H
#define HETER_RUNTIME_TOOLS_REPORT_H

#include "runtime/base/FileSystem.h"
#include "runtime/role/RunOptions.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace heter::runtime::tools {

/// One line about where a run is: phase, examples, share done, time left, loss, AUC, examples a second. Of these, in
/// this order, it says what `width` columns hold.
std::string progressLine(const RunProgress &progress, size_t width = 200);

/// Shows progress on standard error: one live line on a terminal, else a plain line every few seconds. One call at a
/// time.
class ProgressDisplay {
public:
  ProgressDisplay();
  /// `terminal`: whether to write a live line; `width` columns wide, 0: as wide as the terminal is.
  ProgressDisplay(bool terminal, int width) : terminal_(terminal), width_(width) {}

  /// The text to write for this report; often empty where there is no terminal.
  std::string render(const RunProgress &progress);
  void show(const RunProgress &progress);
  /// Ends the live line, if there is one.
  void finish();

private:
  bool terminal_;
  int width_;
  bool live_ = false;
  bool testing_ = false;
  double lastPlain_ = 0; ///< When, in seconds of the phase, the last plain line was written.
};

/// From now on messages of the log begin with "heter: ", and take the place of a live line.
void prefixLog();

/// What each role did, a line each if there are several, and the result of the run. Meant for 80 columns.
std::string resultTable(const RunResult &result, bool colored = false);

/// The same of a run that predicted.
std::string predictionTable(const RunResult &result, bool colored = false);

/// One line about a run that was interrupted: how it came out.
std::string interruptedLine(const RunResult &result, const std::string &saveFolder);

/// The JSON object of --summary.
std::string summaryJson(const RunResult &result);

/// `STEP LOSS` a line, with digits that round-trip.
std::string lossesText(const RunResult &result);

/// Writes the files that were asked for; empty paths are not.
Status writeReports(FileSystem &files, const RunResult &result, const std::string &summaryFile,
                    const std::string &lossesFile);

/// What a role worked off: "782 micro-batches", or "7,038 calls" for a server.
std::string workOf(const RoleSummary &role);

/// 1234567 as "1,234,567".
std::string grouped(int64_t number);

} // namespace heter::runtime::tools

#endif // HETER_RUNTIME_TOOLS_REPORT_H
