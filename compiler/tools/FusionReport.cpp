// A remark says what was fused or not, and behind ": " why.
#include "compiler/tools/FusionReport.h"

#include "cli/Cli.h"
#include "compiler/PackageGraph.h"

#include "llvm/ADT/STLExtras.h"

namespace heter::compiler {

namespace {

template <typename Listing> auto &entry(Listing &listing, llvm::StringRef text) {
  auto found = llvm::find_if(listing, [&](const auto &known) { return known.first == text; });
  return (found != listing.end() ? *found
                                 : listing.emplace_back(text.str(), typename Listing::value_type::second_type()))
      .second;
}

constexpr size_t kPlace = 24; // A shorter place is padded; a space and the text follow.

std::string padded(std::string place) {
  place.resize(std::max(place.size(), kPlace), ' ');
  return place;
}

} // namespace

class FusionReport::Streamer : public mlir::remark::detail::MLIRRemarkStreamerBase {
public:
  explicit Streamer(FusionReport &report) : report_(report) {}

  void streamOptimizationRemark(const mlir::remark::detail::Remark &remark) override {
    std::string message = remark.getArgs().front().val;
    auto [what, why] = llvm::StringRef(message).split(": ");
    ++entry(entry(entry(entry(report_.counts_, remark.getFunction()), why), packageLocation(remark.getLocation())),
            what);
  }

private:
  FusionReport &report_;
};

std::unique_ptr<mlir::remark::detail::MLIRRemarkStreamerBase> FusionReport::makeStreamer() {
  return std::make_unique<Streamer>(*this);
}

std::string FusionReport::text() const {
  if (counts_.empty())
    return "";
  std::string text = "\nKernels: what was fused, and what was not\n";
  for (const auto &[program, reasons] : counts_) {
    text += "\n" + program + "\n";
    for (const auto &[reason, places] : reasons) {
      text += "  " + cli::wrap(reason + ":", 2) + "\n";
      for (const auto &[place, all] : places) {
        std::string line;
        for (const auto &[what, count] : all)
          line += (line.empty() ? "" : "; ") + what + (count > 1 ? " (" + std::to_string(count) + " times)" : "");
        text += "    " + padded(place) + " " + cli::wrap(line, kPlace + 5) + "\n";
      }
    }
  }
  return text;
}

} // namespace heter::compiler
