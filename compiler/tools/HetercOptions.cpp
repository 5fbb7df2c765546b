// Parses heterc's command line. LLVM's own parser is not used: its flags are those of all of LLVM.
#include "compiler/tools/HetercOptions.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"

using namespace llvm;

namespace heter::compiler {

namespace {

constexpr StringLiteral kFlags[] = {"-o", "--mode", "--dump-ir", "--explain", "--no-fuse", "--help"};
constexpr StringLiteral kModes[] = {"local", "ps", "heter-ps"};

Error error(const Twine &message) { return createStringError(message); }

/// ", did you mean X?" if one of `known` is near.
std::string suggestion(StringRef word, ArrayRef<StringLiteral> known) {
  StringRef best;
  unsigned bestDistance = std::max<size_t>(word.size() / 3, 1) + 1;
  for (StringRef candidate : known)
    if (unsigned distance = word.edit_distance(candidate); distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  return best.empty() ? "; --help lists them" : (", did you mean `" + best + "`?").str();
}

class Parser {
public:
  explicit Parser(ArrayRef<char *> arguments) : rest_(arguments) {}

  Expected<HetercOptions> run() {
    while (!rest_.empty()) {
      StringRef argument = rest_.front();
      rest_ = rest_.drop_front();
      Error failed = argument.size() > 1 && argument.starts_with("-") ? flag(argument) : input(argument);
      if (failed)
        return failed;
    }
    if (options_.help)
      return options_;
    if (options_.input.empty())
      return error("give a model (NAME.heter) or a dump (NAME.mlir) to compile; --help shows examples");
    if (options_.output.empty())
      return error("say with -o PKG which folder the package is written to");
    return options_;
  }

private:
  Error input(StringRef argument) {
    if (!options_.input.empty())
      return error("one input is compiled at a time, got " + options_.input + " and " + argument);
    options_.input = argument.str();
    return Error::success();
  }

  /// The value of a flag: after `=`, or the next argument.
  Expected<std::string> value(StringRef name, bool hasValue, StringRef given) {
    if (!hasValue && !rest_.empty()) {
      given = rest_.front();
      rest_ = rest_.drop_front();
    }
    if (given.empty())
      return error("`" + name + "` wants a value");
    return given.str();
  }

  Error flag(StringRef argument) {
    size_t equals = argument.find('=');
    StringRef name = argument.take_front(equals);
    bool hasValue = equals != StringRef::npos;
    StringRef given = hasValue ? argument.drop_front(equals + 1) : "";
    auto isSwitch = [&](StringRef own, bool &target) {
      if (name != own || hasValue)
        return false;
      target = true;
      return true;
    };
    if (isSwitch("--explain", options_.explain) || isSwitch("--no-fuse", options_.noFuse) ||
        isSwitch("--help", options_.help) || isSwitch("-h", options_.help))
      return Error::success();
    if (name != "-o" && name != "--mode" && name != "--dump-ir")
      return error(is_contained(kFlags, name) ? "`" + name + "` takes no value"
                                              : "there is no flag `" + name + "`" + suggestion(name, kFlags));
    Expected<std::string> text = value(name, hasValue, given);
    if (!text)
      return text.takeError();
    if (name == "-o")
      options_.output = *text;
    else if (name == "--dump-ir")
      options_.dumpFolder = *text;
    else if (is_contained(kModes, *text))
      options_.mode = *text;
    else
      return error("--mode is local, ps or heter-ps, not `" + *text + "`" +
                   (StringRef(suggestion(*text, kModes)).starts_with(",") ? suggestion(*text, kModes) : ""));
    return Error::success();
  }

  ArrayRef<char *> rest_;
  HetercOptions options_;
};

} // namespace

Expected<HetercOptions> parseHetercOptions(ArrayRef<char *> arguments) { return Parser(arguments).run(); }

StringRef hetercHelp() {
  return R"(heterc compiles a click-through model to a package: one program a role, and native kernels.

usage: heterc SPEC.heter|DUMP.mlir -o PKG [flags]

  -o PKG            the folder to write; a package that is there is replaced
  --mode=MODE       local     one process does everything (the default)
                    ps        cpu-trainers, and servers that own the parameters
                    heter-ps  the same, with what is marked `on CLASS` on accelerators
  --dump-ir=DIR     write the module after each stage to DIR: 01-frontend.mlir .. 08-plan.mlir
  --explain         print where each operation runs and why, what crosses, and what was fused
  --no-fuse         one kernel an operation
  --help            this text

examples:
  heterc samples/ctr_dnn.heter -o ctr_dnn.pkg --mode=heter-ps --explain
  heterc samples/ctr_dnn.heter -o ctr_dnn.pkg --dump-ir=stages
  heterc stages/05-place.mlir -o ctr_dnn.pkg      goes on from a dump; edit it first if you like
)";
}

} // namespace heter::compiler
